/**
 * A client after its hello: its connection, its role, and the events that it gets. Implements
 * back-pressure for the owner of a build, and drops events of other builds that are read too slowly.
 *
 * @module
 */

import type { ClientInfo, EventMask } from "../wire/events.ts";
import { DEFAULT_MASK, passesMask } from "../wire/events.ts";
import type { Feature, HelloParams, Role } from "../wire/hello.ts";
import type { OwnedWork } from "../system/owned_work.ts";
import { failure, type MessageId, notification, type Request, success } from "../wire/messages.ts";
import type { WireError } from "../wire/errors.ts";
import type { Connection } from "./connection.ts";
import type { Delivery, EventHandler } from "./event_bus.ts";

/** Default limit of the events that are queued for an observer, in characters. */
const OBSERVER_QUEUE = 8 * 1024 * 1024;
/**
 * Limits of the owner's outbox, in characters. Output pauses above the high-water mark, and
 * continues at the low-water mark.
 */
const OWNER_HIGH_WATER = 1024 * 1024;
const OWNER_LOW_WATER = 256 * 1024;

/** One connected UI, after its hello. */
export class UI implements EventHandler {
  /** Number of its connection. */
  readonly handler: number;
  readonly client: ClientInfo;
  /** True if a command that was in progress at the hello waits for the UI's process. */
  readonly isAwaited: boolean;
  readonly connection: Connection;
  /** Present role. It decides which commands the UI may send. */
  role: Role | "waiting";
  features: readonly Feature[];
  mask: EventMask = DEFAULT_MASK;
  /** Requests of a waiting UI that run when it becomes the controller. */
  readonly backlog: Request[] = [];
  /** Commands in progress that the UI owns. It loses no events of theirs. */
  readonly owned = new Set<object>();
  /** Builds whose events the UI receives: its own ones or all. */
  builds: "own" | "all";
  readonly #queueLimit: number;
  readonly #beside: OwnedWork;
  #dropped = 0;
  #lastDropped: Delivery | undefined;

  /**
   * @param options `queueLimit`: limit of the events that are queued for it, in characters, except
   *   for those of its own builds; default: {@linkcode OBSERVER_QUEUE}. `beside`: owns its waits.
   */
  constructor(
    connection: Connection,
    hello: HelloParams,
    role: Role | "waiting",
    options: {
      readonly beside: OwnedWork;
      readonly queueLimit: number | undefined;
      readonly isAwaited: boolean;
    },
  ) {
    this.handler = connection.number;
    this.connection = connection;
    this.client = hello.client;
    this.features = hello.features ?? [];
    this.role = role;
    this.builds = hello.builds ?? "all";
    this.#queueLimit = options.queueLimit ?? OBSERVER_QUEUE;
    this.#beside = options.beside;
    this.isAwaited = options.isAwaited;
  }

  get ready(): Promise<void> | undefined {
    const { outbox } = this.connection;
    return outbox.held > OWNER_HIGH_WATER ? outbox.room(OWNER_LOW_WATER) : undefined;
  }

  deliver(delivery: Delivery): void {
    const { event, owner } = delivery;
    if (this.builds === "own" && event.build !== undefined && owner !== this) return;
    if (!passesMask(event, this.mask)) return;
    const { outbox } = this.connection;
    // The back-pressure of an owner slows only its own builds.
    const mayDrop = this.owned.size === 0 || (owner !== undefined && owner !== this);
    if (!mayDrop) this.#tellDropped();
    else if (this.#lastDropped !== undefined || outbox.held > this.#queueLimit) {
      return this.#drop(delivery);
    }
    this.connection.send(delivery.message, delivery.line);
  }

  /** Replies to a request. */
  reply(id: MessageId, result: unknown): void {
    this.connection.send(success(id, result));
  }

  /** Replies to a request with an error. */
  refuse(id: MessageId | null, error: WireError): void {
    this.connection.send(failure(id, error));
  }

  /** Sends a notification. */
  notify(method: string, params: unknown): void {
    this.connection.send(notification(method, params));
  }

  /**
   * Drops an event. After a first loss, all events are dropped until half of the queue is free. The
   * number of lost events is reported then.
   */
  #drop(delivery: Delivery): void {
    if (this.#lastDropped === undefined) {
      const room = this.connection.outbox.room(this.#queueLimit / 2);
      this.#beside.own("reporting dropped events", room.then(() => this.#tellDropped()));
    }
    this.#dropped++;
    this.#lastDropped = delivery;
  }

  /** Reports lost events. The report has the number and the time of the last lost event. */
  #tellDropped(): void {
    if (this.#lastDropped === undefined) return;
    const { seq, time } = this.#lastDropped.event;
    const event = { type: "EventsDropped", count: this.#dropped, seq, time };
    this.notify("event", event);
    this.#dropped = 0;
    this.#lastDropped = undefined;
  }
}
