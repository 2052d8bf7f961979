/**
 * The events that wait to be pushed to one client.
 *
 * @module
 */

import type { EventType, SimmerEvent } from "../wire/events.ts";
import type { OutgoingCall } from "./http_client.ts";
import type { XmlRpcValue } from "./values.ts";

/** What can be pushed: the server's events, and what a dialect has to say of its own. */
export type Pushed = SimmerEvent | OutgoingCall;

/** Whether it is what a dialect has to say. */
export function isCall(item: Pushed): item is OutgoingCall {
  return "method" in item;
}

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
  #items: Pushed[] = [];
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

  /** Adds it, or counts an event it as lost. Once one is lost, those of its kinds are until half of
   * the queue is free again. */
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

  /** Takes the first. */
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

  /** Forgets all. */
  clear(): void {
    this.#items = [];
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
