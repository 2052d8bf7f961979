/**
 * The server's main loop.
 *
 * It waits for three things at once, as BitBake's `ProcessServer.main` does with `select`: a
 * connection to accept, a command to read, and the idle tick. Each turn handles every source that
 * is ready, once:
 *
 * 1. `accept`: a connection becomes the controller, waits in the queue, observes or is refused (R4,
 *    R5).
 * 2. `command`: a client says hello, or sends one command and gets one reply (R6, R10). At the end
 *    of its stream the client is unregistered (R7).
 * 3. `tick`: timeouts, heartbeat and the idle functions that are due (R8, R9, R11). The tick is 100
 *    ms; up to 1 s while no client is connected and no command is in progress.
 *
 * A fourth source, `again`, is ready when an idle function is due at once: it has asked for the next
 * turn, or the promise that it waits for has settled.
 *
 * @module
 */

import type { AcceptedStream } from "../system/net/unix_socket.ts";
import type { Connection } from "./connection.ts";
import type { AgainSource } from "./idle.ts";
import type { ListenerSource } from "./listener_source.ts";
import { type Outcome, type Ready, Selector } from "./selector.ts";
import type { TickSource } from "./tick.ts";

/** The sources of the loop. */
type ServerSource = ListenerSource | Connection | TickSource | AgainSource;

/** Handlers of the ready sources. */
interface LoopHandlers {
  /** A listener has a connection, is closed (`undefined`), or has failed to accept. */
  accept(source: ListenerSource, outcome: Outcome<AcceptedStream | undefined>): void;
  /** A connection has commands, or has ended. */
  command(connection: Connection, outcome: Ready<Connection>["outcome"]): void;
  /** The tick is due. */
  tick(): void;
  /** Idle functions are due. */
  again(): void;
  /** Something other than the tick is ready: a server at rest ticks every 100 ms again. */
  active(): void;
  /** A handler threw: a defect. The loop goes on. */
  failed(source: ServerSource, error: unknown): void;
}

/** Waits for sources and dispatches them to their handlers, turn by turn. */
export class ServerLoop {
  readonly #selector = new Selector<ServerSource>();
  readonly #handlers: LoopHandlers;
  #ready: readonly Ready<ServerSource>[] = [];
  #turns = 0;

  /** @param handlers must not be called outside of {@linkcode run} */
  constructor(handlers: LoopHandlers) {
    this.#handlers = handlers;
  }

  /** The number of turns so far. */
  get turns(): number {
    return this.#turns;
  }

  /** Names of the listeners and connections that are ready in this turn, as in BitBake's log. */
  get readyList(): string {
    const names = this.#ready.map(({ source }) => source)
      .filter(({ kind }) => kind === "accept" || kind === "command")
      .map(({ name }) => name);
    return `[${names.join(", ")}]`;
  }

  /** Adds a source. A connection that is accepted while its listener is removed is closed. */
  add(source: ServerSource): void {
    this.#selector.add(source, source.kind === "accept" ? closeLate : undefined);
  }

  /** Removes a source. */
  remove(source: ServerSource): void {
    this.#selector.remove(source);
  }

  /** Ends the loop after this turn. */
  stop(): void {
    this.#selector.stop();
  }

  /** Runs until {@linkcode stop} is called. */
  async run(): Promise<void> {
    for await (const ready of this.#selector) {
      this.#ready = ready;
      this.#turns++;
      for (const each of ready) {
        if (each.source.kind !== "tick") this.#handlers.active();
        try {
          this.#dispatch(each);
        } catch (error) {
          this.#handlers.failed(each.source, error);
        }
      }
    }
  }

  #dispatch({ source, outcome }: Ready<ServerSource>): void {
    switch (source.kind) {
      case "accept":
        return this.#handlers.accept(source, outcome as Outcome<AcceptedStream | undefined>);
      case "command":
        return this.#handlers.command(source, outcome as Ready<Connection>["outcome"]);
      case "tick":
        return this.#handlers.tick();
      case "again":
        return this.#handlers.again();
    }
  }
}

/** Closes a connection that was accepted while the server removed its listener. */
function closeLate(outcome: Outcome<unknown>): void {
  if (outcome.ok) (outcome.value as AcceptedStream | undefined)?.close();
}
