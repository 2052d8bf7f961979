/**
 * Keeps services running between the builds of a watch. They end with the watch, or if something
 * that they were started with has changed.
 *
 * @module
 */

import type { Cancel } from "../../server/cooker.ts";
import type { ClientInfo } from "../../wire/events.ts";
import type { BuildNode, Execution } from "./executions.ts";

/** The services of one watch. It needs them as a build does. */
export class ServiceHold implements BuildNode {
  readonly build: string;
  readonly command: string;
  readonly jobs = 1;
  readonly detached = false;
  /** A watch keeps its services running while its client is suspended. */
  readonly isSuspended = false;
  readonly ended: Promise<void>;
  readonly #held = new Set<Execution>();
  readonly #end = Promise.withResolvers<void>();

  /** @param client the client that watches */
  constructor({ pid, command }: ClientInfo) {
    this.build = `watch-${pid}`;
    this.command = command;
    this.ended = this.#end.promise;
  }

  /** Keeps a service until it is released. */
  take(execution: Execution): void {
    if (this.#held.has(execution)) return;
    this.#held.add(execution);
    execution.join(this);
    void execution.ended.then(() => this.#held.delete(execution));
  }

  /** Returns true if no build needs a service. */
  holdsAlone(execution: Execution): boolean {
    return this.#held.has(execution) && execution.builds.size === 1;
  }

  /** Ends a service, unless a build needs it. */
  release(execution: Execution, how: Cancel = { kind: "end" }): void {
    if (this.#held.delete(execution)) execution.leave(this, how);
  }

  /** Releases all services, because the watch has ended. */
  cancel(how: Cancel): void {
    for (const execution of [...this.#held]) this.release(execution, how);
    this.#end.resolve();
  }

  /** A watch passes no signals on between its builds. */
  signal(): boolean {
    return false;
  }

  /** A watch has no keyboard. */
  requestSuspension(): boolean {
    return false;
  }
}
