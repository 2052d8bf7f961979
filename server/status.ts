/**
 * Reply of a server to `status`: its process, its project, its activity and its clients.
 *
 * @module
 */

import type { Cooker } from "./cooker.ts";
import type { Clock } from "../system/clock.ts";
import { memoryUse, processId } from "../system/environment.ts";
import type { ServerStatus } from "../wire/commands.ts";
import { type ProjectIdentity, VERSION } from "../wire/hello.ts";
import type { AsyncCommands } from "./async_commands.ts";
import type { Door } from "./door.ts";
import type { CommandPolicy } from "./policy.ts";
import type { Roster } from "./roster.ts";

/** Sources of a status. */
interface StatusContext {
  readonly cooker: Cooker;
  readonly clock: Clock;
  readonly project: ProjectIdentity;
  readonly socket: string;
  readonly doors: readonly Door[];
  readonly timeoutSeconds: number;
  readonly roster: Roster;
  readonly asyncCommands: AsyncCommands;
  readonly policy: CommandPolicy;
}

/**
 * Starts to measure a server's uptime.
 *
 * @returns creates the reply to `status`
 */
export function statusReporter(context: StatusContext): () => ServerStatus {
  const { cooker, clock, project, roster, asyncCommands } = context;
  const startedAt = clock.now();
  const started = clock.monotonic();
  const doors = context.doors.map(({ name, listener }) => ({
    name,
    address: listener.path,
  }));
  return () => {
    const { rss, heapUsed } = memoryUse();
    return {
      pid: processId(),
      version: VERSION,
      root: project.root,
      ...(project.config === undefined ? {} : { config: project.config }),
      socket: context.socket,
      ...(doors.length === 0 ? {} : { doors }),
      startedAt,
      uptimeMs: Math.round(clock.monotonic() - started),
      rssBytes: rss,
      heapBytes: heapUsed,
      timeout: context.timeoutSeconds,
      state: cooker.state,
      policy: context.policy.name,
      busyWith: asyncCommands.busyWith ?? null,
      build: asyncCommands.build ?? null,
      builds: [...asyncCommands.builds],
      clients: roster.all.map(({ handler, role, client }) => ({ handler, role, ...client })),
      notes: [...cooker.notes],
    };
  };
}
