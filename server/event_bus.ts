/**
 * Event bus of a server: stamps events with number and time, and delivers each to all handlers in
 * the same order.
 *
 * @module
 */

import type { Clock } from "../system/clock.ts";
import type { Emitted } from "./cooker.ts";
import type { EventBody, SimmerEvent } from "../wire/events.ts";
import { frameText } from "../wire/frame.ts";
import { type Notification, notification } from "../wire/messages.ts";

/** An event for the handlers, as data, as a message and as a line. */
export interface Delivery {
  /** The event. */
  readonly event: SimmerEvent;
  /** The event's message. */
  readonly message: Notification;
  /** Handler that has asked for the build of the event; absent: none. */
  readonly owner?: EventHandler | undefined;
  /** Returns the message's line on the wire. The line is made once for all handlers. */
  readonly line: () => string;
}

/** Receiver of events. */
export interface EventHandler {
  /** Takes or ignores an event. Must not wait. */
  deliver(delivery: Delivery): void;
  /** Resolves when the handler has caught up; absent: it is not behind. */
  readonly ready: Promise<void> | undefined;
}

/**
 * Delivers events to handlers.
 *
 * Sequence numbers start at 1 and have no gaps. A handler that ignores some events sees gaps.
 */
export class EventBus {
  readonly #clock: Clock;
  readonly #handlers = new Set<EventHandler>();
  #seq = 0;

  /**
   * Creates a bus without handlers.
   *
   * @param clock source of the events' times
   */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Number of the last event; 0 before the first. */
  get lastSeq(): number {
    return this.#seq;
  }

  /** Adds a handler until the result is disposed. */
  register(handler: EventHandler): Disposable {
    this.#handlers.add(handler);
    return { [Symbol.dispose]: () => void this.#handlers.delete(handler) };
  }

  /**
   * Sends an event to every handler.
   *
   * @param owner handler that has asked for the build of the event. If it is behind, the result has
   *   a promise for the producer of the events to wait for.
   */
  emit(body: EventBody, owner?: EventHandler): Emitted {
    const event: SimmerEvent = { ...body, seq: ++this.#seq, time: this.#clock.now() };
    const message = notification("event", event);
    let line: string | undefined;
    const delivery = { event, message, owner, line: () => line ??= frameText(message) };
    for (const handler of this.#handlers) handler.deliver(delivery);
    const ready = owner !== undefined && this.#handlers.has(owner) ? owner.ready : undefined;
    return ready === undefined ? { event } : { event, ready };
  }
}
