/**
 * Bounded queue of the events that wait to be pushed to one client.
 *
 * @module
 */

import type { EventType, SimmerEvent } from "../wire/events.ts";
import type { OutgoingCall } from "./http_client.ts";
import type { XmlRpcValue } from "./values.ts";

/** Queued item: an event of the server, or a call that a dialect makes by itself. */
export type Pushed = SimmerEvent | OutgoingCall;

/** Returns true if the item is a call that a dialect makes by itself. */
export function isCall(item: Pushed): item is OutgoingCall {
  return "method" in item;
}

/** Back-pressure starts above `HIGH_WATER` characters and stops at `LOW_WATER`. */
const HIGH_WATER = 1024 * 1024;
const LOW_WATER = 256 * 1024;
/** Number of characters above which droppable events are dropped. */
const LIMIT = 8 * 1024 * 1024;

/** Approximate cost of an event beside its text, in characters. */
const OVERHEAD = 256;

/**
 * Events that a client can do without. The other events report the progress of a build: they are
 * few, and a client that misses one would wait forever.
 */
const DROPPABLE: ReadonlySet<EventType> = new Set(["TaskOutput", "LogRecord", "Heartbeat"]);

/** Queue whose memory is bounded, whatever its client does. */
export class PushQueue {
  #items: Pushed[] = [];
  #next = 0;
  #held = 0;
  #dropped = 0;
  #lastDropped: SimmerEvent | undefined;
  #room: PromiseWithResolvers<void> | undefined;

  /** Resolves when there is room for more events; `undefined` if there is room now. */
  get room(): Promise<void> | undefined {
    if (this.#held <= HIGH_WATER) return undefined;
    this.#room ??= Promise.withResolvers();
    return this.#room.promise;
  }

  /**
   * Adds an item. If the queue is full, a droppable event is dropped and counted instead. After a
   * drop, droppable events are dropped until half of the queue is free again.
   */
  push(item: Pushed): void {
    const isFull = this.#held > (this.#dropped > 0 ? LIMIT / 2 : LIMIT);
    if (isFull && !isCall(item) && DROPPABLE.has(item.type)) {
      this.#dropped++;
      this.#lastDropped = item;
      return;
    }
    this.#tellDropped();
    this.#items.push(item);
    this.#held += sizeOf(item);
  }

  /** Removes and returns the first item. */
  shift(): Pushed | undefined {
    if (this.#next === this.#items.length) this.#tellDropped();
    const item = this.#items[this.#next];
    if (item === undefined) return undefined;
    this.#next++;
    if (this.#next > 1024 || this.#next === this.#items.length) {
      this.#items = this.#items.slice(this.#next);
      this.#next = 0;
    }
    this.#held -= sizeOf(item);
    if (this.#held <= LOW_WATER) this.#release();
    return item;
  }

  /** Drops all items. */
  clear(): void {
    this.#items = [];
    this.#next = 0;
    this.#held = 0;
    this.#dropped = 0;
    this.#lastDropped = undefined;
    this.#release();
  }

  /**
   * Reports dropped events by an `EventsDropped` with the sequence number and time of the last one.
   */
  #tellDropped(): void {
    if (this.#lastDropped === undefined) return;
    const { seq, time } = this.#lastDropped;
    const event = { type: "EventsDropped", count: this.#dropped, seq, time } as const;
    this.#items.push(event);
    this.#held += sizeOf(event);
    this.#dropped = 0;
    this.#lastDropped = undefined;
  }

  #release(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }
}

function sizeOf(item: Pushed): number {
  if (isCall(item)) {
    return item.params.reduce<number>((sum, param) => sum + lengthOf(param), OVERHEAD);
  }
  switch (item.type) {
    case "TaskOutput":
      return OVERHEAD + (item.text ?? item.base64 ?? "").length;
    case "LogRecord":
      return OVERHEAD + item.message.length;
    default:
      return OVERHEAD;
  }
}

function lengthOf(param: XmlRpcValue): number {
  return typeof param === "string" || param instanceof Uint8Array ? param.length : 0;
}
