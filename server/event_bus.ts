/**
 * The event bus: stamps events and hands each to every handler, in one order for all.
 *
 * @module
 */

import type { Clock } from "../system/clock.ts";
import type { Emitted } from "./cooker.ts";
import type { EventBody, SimmerEvent } from "../wire/events.ts";
import { frameText } from "../wire/frame.ts";
import { notification } from "../wire/messages.ts";

/** An event on its way to a handler, as data and as a line. */
export interface Delivery {
  /** The event. */
  readonly event: SimmerEvent;
  /** The event's line on the wire; made once, however many handlers take it. */
  readonly line: () => string;
}

/** Whoever takes events. */
export interface EventHandler {
  /** Takes an event or passes it over; must not wait. */
  deliver(delivery: Delivery): void;
  /** Resolves when it takes more without falling behind; absent: it does already. */
  readonly ready: Promise<void> | undefined;
}

/**
 * Hands events to handlers.
 *
 * Sequence numbers count from 1 and have no gaps; a handler that does not take everything sees
 * gaps.
 */
export class EventBus {
  readonly #clock: Clock;
  readonly #handlers = new Set<EventHandler>();
  #seq = 0;

  /**
   * Makes a bus without handlers.
   *
   * @param clock gives events their times
   */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The number of the last event; 0 before the first. */
  get lastSeq(): number {
    return this.#seq;
  }

  /** Adds a handler until the result is disposed of. */
  register(handler: EventHandler): Disposable {
    this.#handlers.add(handler);
    return { [Symbol.dispose]: () => void this.#handlers.delete(handler) };
  }

  /**
   * Sends an event to every handler.
   *
   * @param owner the handler that nothing may be lost to: where it falls behind, the result says
   *   so, and whoever makes the events waits for it
   */
  emit(body: EventBody, owner?: EventHandler): Emitted {
    const event: SimmerEvent = { ...body, seq: ++this.#seq, time: this.#clock.now() };
    let line: string | undefined;
    const delivery = { event, line: () => line ??= frameText(notification("event", event)) };
    for (const handler of this.#handlers) handler.deliver(delivery);
    const ready = owner !== undefined && this.#handlers.has(owner) ? owner.ready : undefined;
    return ready === undefined ? { event } : { event, ready };
  }
}
