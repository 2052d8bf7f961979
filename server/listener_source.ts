/**
 * The listener as a source of connections.
 *
 * @module
 */

import type { Clock } from "../system/clock.ts";
import type { Source } from "../system/source.ts";
import type { AcceptedStream } from "../system/net/unix_socket.ts";
import type { Door } from "./door.ts";

/** Milliseconds until the next try where accepting failed, as when descriptors are used up. */
const RETRY_MS = 100;

/** What a process server listens with; a `UnixListener` is one. */
export interface Listener {
  /** Where, for logs and for clients. */
  readonly path: string;
  /** The next connection; `undefined` once it is closed. */
  accept(): Promise<AcceptedStream | undefined>;
  /** Takes the name away, if it still is this listener's; says whether it was. */
  unlink(): boolean;
  /** Stops listening. */
  close(): void;
}

/** Ready when somebody connects. */
export class ListenerSource implements Source<AcceptedStream | undefined> {
  readonly kind = "accept";
  readonly name: string;
  /** Whose listener it is; absent: the server's own. */
  readonly door: Door | undefined;
  readonly #listener: Listener;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #hasFailed = false;

  /**
   * @param signal ends the pause after a failure with the server
   * @param door whose listener it is; absent: the server's own
   */
  constructor(listener: Listener, clock: Clock, signal: AbortSignal, door?: Door) {
    this.name = door === undefined ? "listener" : `${door.name} listener`;
    this.door = door;
    this.#listener = listener;
    this.#clock = clock;
    this.#signal = signal;
  }

  async read(): Promise<AcceptedStream | undefined> {
    if (this.#hasFailed) await this.#clock.sleep(RETRY_MS, this.#signal);
    this.#hasFailed = true;
    const stream = await this.#listener.accept();
    this.#hasFailed = false;
    return stream;
  }
}
