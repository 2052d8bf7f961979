/**
 * Waits until descriptors become readable. One thread serves all waits (epoll, Linux).
 *
 * @module
 */

import { linkLibc } from "../libc.ts";

const SYMBOLS = {
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32", nonblocking: true },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const EPOLL_CLOEXEC = 0o2000000;
const EFD_CLOEXEC = 0o2000000;
const EFD_NONBLOCK = 0o4000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;
const EPOLLIN = 0x1;
const EPOLLONESHOT = 0x40000000;
const FOR_EVER = -1;

/** The kernel's `struct epoll_event` is packed on x86_64 only. */
const EVENT_BYTES = Deno.build.arch === "x86_64" ? 12 : 16;
const TICKET_OFFSET = EVENT_BYTES - 8;
/** Maximum number of events that one `epoll_wait` returns. */
const MOST_EVENTS = 64;
/** The ticket of the eventfd that interrupts a wait. */
const WAKE = 0;

/** A pending wait for one descriptor. */
interface Wait {
  readonly ticket: number;
  readonly end: () => void;
}

/**
 * Reports when descriptors become readable or reach their end.
 *
 * A thread blocks in `epoll_wait` only while waits are pending. An idle poller has no thread and
 * does not keep this process alive.
 */
export class Poller implements AsyncDisposable {
  readonly #library: Deno.DynamicLibrary<typeof SYMBOLS>;
  readonly #epoll: number;
  readonly #wake: number;
  readonly #known = new Set<number>();
  /** Pending waits by descriptor. */
  readonly #waits = new Map<number, Wait>();
  /**
   * Descriptors by ticket. Events carry tickets, because a descriptor's number can be reused before
   * its event is handled.
   */
  readonly #descriptors = new Map<number, number>();
  readonly #events = new Uint8Array(new ArrayBuffer(MOST_EVENTS * EVENT_BYTES));
  readonly #event = new DataView(new ArrayBuffer(EVENT_BYTES));
  #lastTicket = WAKE;
  #turns: Promise<void> | undefined;

  private constructor(
    library: Deno.DynamicLibrary<typeof SYMBOLS>,
    epoll: number,
    wake: number,
  ) {
    this.#library = library;
    this.#epoll = epoll;
    this.#wake = wake;
    this.#control(EPOLL_CTL_ADD, wake, EPOLLIN, WAKE);
  }

  /**
   * Creates a poller.
   *
   * @returns `undefined` on platforms other than Linux, and if descriptors are used up
   */
  static open(): Poller | undefined {
    const library = linkLibc(SYMBOLS);
    if (library === undefined) return undefined;
    const epoll = library.symbols.epoll_create1(EPOLL_CLOEXEC);
    const wake = library.symbols.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (epoll >= 0 && wake >= 0) return new Poller(library, epoll, wake);
    for (const each of [epoll, wake]) if (each >= 0) library.symbols.close(each);
    library.close();
    return undefined;
  }

  /**
   * Waits until a descriptor is readable or at its end. Only one wait per descriptor may be
   * pending.
   *
   * @returns resolves with `false` if the descriptor cannot be polled, or is forgotten meanwhile
   */
  readable(descriptor: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    // The kernel stores 64 bits of a ticket and a number holds 53 of them, so tickets never run
    // out.
    const ticket = ++this.#lastTicket;
    const action = this.#known.has(descriptor) ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (this.#control(action, descriptor, EPOLLIN | EPOLLONESHOT, ticket) !== 0) {
      resolve(false);
      return promise;
    }
    this.#known.add(descriptor);
    this.#descriptors.set(ticket, descriptor);
    this.#waits.set(descriptor, {
      ticket,
      end: () => resolve(this.#known.has(descriptor)),
    });
    this.#turns ??= this.#turn();
    return promise;
  }

  /** Ends the wait for a descriptor. Must be called before the descriptor is closed. */
  forget(descriptor: number): void {
    if (!this.#known.delete(descriptor)) return;
    this.#control(EPOLL_CTL_DEL, descriptor, 0, WAKE);
    this.#finish(descriptor);
    if (this.#waits.size === 0 && this.#turns !== undefined) this.#rouse();
  }

  /**
   * Closes the poller after the last wait has ended. The caller must forget every descriptor first.
   */
  async close(): Promise<void> {
    await this.#turns;
    this.abandon();
  }

  /** Closes the poller without waiting. No wait may be running. */
  abandon(): void {
    for (const each of [this.#epoll, this.#wake]) this.#library.symbols.close(each);
    this.#library.close();
  }

  /** Calls `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Serves waits until none is pending.
   *
   * It clears `#turns` in the same step that finds no pending wait. If `#turns` were cleared later
   * (by `.finally` on its promise), a wait that begins in between would find a turn that has ended
   * and would never be served.
   */
  async #turn(): Promise<void> {
    const view = new DataView(this.#events.buffer);
    try {
      while (this.#waits.size > 0) {
        const count = await this.#library.symbols.epoll_wait(
          this.#epoll,
          this.#events,
          MOST_EVENTS,
          FOR_EVER,
        );
        for (let at = 0; at < count; at++) {
          const ticket = Number(view.getBigUint64(at * EVENT_BYTES + TICKET_OFFSET, true));
          const descriptor = this.#descriptors.get(ticket);
          if (descriptor !== undefined) this.#finish(descriptor);
          else if (ticket === WAKE) this.#library.symbols.read(this.#wake, new Uint8Array(8), 8n);
        }
      }
    } finally {
      this.#turns = undefined;
    }
  }

  #finish(descriptor: number): void {
    const wait = this.#waits.get(descriptor);
    if (wait === undefined) return;
    this.#waits.delete(descriptor);
    this.#descriptors.delete(wait.ticket);
    wait.end();
  }

  #rouse(): void {
    this.#library.symbols.write(this.#wake, new Uint8Array(new BigUint64Array([1n]).buffer), 8n);
  }

  #control(action: number, descriptor: number, events: number, ticket: number): number {
    this.#event.setUint32(0, events, true);
    this.#event.setBigUint64(TICKET_OFFSET, BigInt(ticket), true);
    const bytes = new Uint8Array(this.#event.buffer as ArrayBuffer);
    return this.#library.symbols.epoll_ctl(this.#epoll, action, descriptor, bytes);
  }
}
