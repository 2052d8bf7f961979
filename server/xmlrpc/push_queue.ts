/**
 * The events that wait to be pushed to one client.
 *
 * @module
 */

import type { EventType, SimmerEvent } from "../../wire/events.ts";

/** Characters above which the owner of a build holds it back, and how many let it go on. */
const HIGH_WATER = 1024 * 1024;
const LOW_WATER = 256 * 1024;
/** Characters above which what a client can do without is dropped. */
const LIMIT = 8 * 1024 * 1024;

/** What an event costs beside its text, about. */
const OVERHEAD = 256;

/** The others say how a build stands: they are few, and a client that misses one waits for ever. */
const DROPPABLE: ReadonlySet<EventType> = new Set(["TaskOutput", "LogRecord", "Heartbeat"]);

/** A queue whose memory is bounded, whatever its client does. */
export class PushQueue {
  #events: SimmerEvent[] = [];
  #next = 0;
  #held = 0;
  #dropped = 0;
  #lastDropped: SimmerEvent | undefined;
  #room: PromiseWithResolvers<void> | undefined;

  /** Resolves when there is room for more; `undefined`: there is. */
  get room(): Promise<void> | undefined {
    if (this.#held <= HIGH_WATER) return undefined;
    this.#room ??= Promise.withResolvers();
    return this.#room.promise;
  }

  /** Adds an event, or counts it as lost. Once one is lost, those of its kinds are until half of
   * the queue is free again. */
  push(event: SimmerEvent): void {
    const isFull = this.#held > (this.#dropped > 0 ? LIMIT / 2 : LIMIT);
    if (isFull && DROPPABLE.has(event.type)) {
      this.#dropped++;
      this.#lastDropped = event;
      return;
    }
    this.#tellDropped();
    this.#events.push(event);
    this.#held += sizeOf(event);
  }

  /** Takes the first event. */
  shift(): SimmerEvent | undefined {
    if (this.#next === this.#events.length) this.#tellDropped();
    const event = this.#events[this.#next];
    if (event === undefined) return undefined;
    this.#next++;
    if (this.#next > 1024 || this.#next === this.#events.length) {
      this.#events = this.#events.slice(this.#next);
      this.#next = 0;
    }
    this.#held -= sizeOf(event);
    if (this.#held <= LOW_WATER) this.#release();
    return event;
  }

  /** Forgets all. */
  clear(): void {
    this.#events = [];
    this.#next = 0;
    this.#held = 0;
    this.#dropped = 0;
    this.#lastDropped = undefined;
    this.#release();
  }

  /** The event that says what was lost bears the stamp of the last one that was. */
  #tellDropped(): void {
    if (this.#lastDropped === undefined) return;
    const { seq, time } = this.#lastDropped;
    const event = { type: "EventsDropped", count: this.#dropped, seq, time } as const;
    this.#events.push(event);
    this.#held += sizeOf(event);
    this.#dropped = 0;
    this.#lastDropped = undefined;
  }

  #release(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }
}

function sizeOf(event: SimmerEvent): number {
  switch (event.type) {
    case "TaskOutput":
      return OVERHEAD + (event.text ?? event.base64 ?? "").length;
    case "LogRecord":
      return OVERHEAD + event.message.length;
    default:
      return OVERHEAD;
  }
}
