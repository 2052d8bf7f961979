/**
 * Shutdown of a server, step by step. A step that fails is logged, and the next steps still run.
 *
 * @module
 */

import type { Cooker } from "./cooker.ts";
import type { Clock } from "../system/clock.ts";
import type { Logger } from "../system/logger.ts";
import { WireError } from "../wire/errors.ts";
import type { AsyncCommands } from "./async_commands.ts";
import type { Connection } from "./connection.ts";
import type { Door } from "./door.ts";
import type { ExecuteHost } from "./execute_host.ts";
import type { EventBus } from "./event_bus.ts";
import type { Listener } from "./listener_source.ts";
import { stackOf } from "./stack.ts";

/** Time for clients to read their last events, in milliseconds. */
const LAST_WORDS_MS = 1000;

/** Returns the error for requests of new work when the server is about to end. */
export function endingError(reason: string): WireError {
  return new WireError("shuttingDown", `The server is shutting down: ${reason}`);
}

/**
 * Time and way of a shutdown:
 *
 * - `when done`: as soon as no command is in progress
 * - `now`: the command in progress is cancelled
 * - `force`: its tasks get no grace period
 */
export type StopMode = "when done" | "now" | "force";

/** Parts of the server that the shutdown uses. */
interface EndingServer {
  readonly reason: string;
  readonly force: boolean;
  /** True if the server ends only to be replaced by a new one. */
  readonly mayRenew: boolean;
  readonly cooker: Cooker;
  readonly listener: Listener;
  readonly doors: readonly Door[];
  readonly executes?: ExecuteHost;
  /** Returns the connections that are open at the time of the call. */
  readonly connections: () => readonly Connection[];
  readonly asyncCommands: AsyncCommands;
  readonly bus: EventBus;
  readonly clock: Clock;
  readonly log: Logger;
  /** Releases the lock. */
  readonly releaseLock?: () => Promise<void>;
}

/**
 * Runs every step of the shutdown.
 *
 * @returns true if all steps have succeeded
 */
export async function endServer(server: EndingServer): Promise<boolean> {
  const { log, listener, cooker, bus } = server;
  let isClean = true;
  const step = async (name: string, take: () => unknown): Promise<void> => {
    try {
      await take();
    } catch (error) {
      isClean = false;
      log.log("error", `Shutdown: ${name} failed: ${stackOf(error)}`);
    }
  };
  log.log("info", "Exiting");
  // A client that does not read must not delay the end of its build's tasks.
  server.asyncCommands.disown();
  for (const { outbox } of server.connections()) outbox.release();
  for (const each of [listener, ...server.doors.map((door) => door.listener)]) {
    await step("unlinking the socket", () => each.unlink());
    await step("closing the listener", () => each.close());
  }
  await step("ending the tasks", () => cooker.shutdown(server.force));
  await step("ending the command", () => server.asyncCommands.close(endingError(server.reason)));
  await step("stopping the notifier", () => cooker.notifier.stop());
  await step("stopping the config notifier", () => cooker.configNotifier.stop());
  await step("postServe", () => cooker.postServe());
  await step("notifying the clients", () => {
    const { reason, mayRenew } = server;
    bus.emit({ type: "ServerExit", reason, ...(mayRenew ? { mayRenew } : {}) });
  });
  await step("closing the connections", () => closeAll(server));
  for (const door of server.doors) await step(`closing ${door.name}`, () => door.close());
  await step("ending the command lines", () => server.executes?.close());
  await step("flushing the log", () => log.flush());
  await step("releasing the lock", () => server.releaseLock?.());
  return isClean;
}

/**
 * Waits until clients have read their last messages, but no longer than {@linkcode LAST_WORDS_MS}.
 * A client that does not read must not delay the shutdown further.
 */
export async function drainWithin(clock: Clock, taken: Promise<unknown>): Promise<void> {
  const patience = new AbortController();
  await Promise.race([taken, clock.sleep(LAST_WORDS_MS, patience.signal)]);
  patience.abort();
}

async function closeAll({ clock, connections }: EndingServer): Promise<void> {
  const all = connections();
  await drainWithin(clock, Promise.all(all.map((connection) => connection.outbox.drained())));
  for (const connection of all) connection.close();
}
