/**
 * A UI as the server knows it: its connection, who it is, what it may do and which events it gets.
 *
 * @module
 */

import type { ClientInfo, EventMask } from "../wire/events.ts";
import { DEFAULT_MASK, passesMask } from "../wire/events.ts";
import { frameText } from "../wire/frame.ts";
import type { Feature, HelloParams, Role } from "../wire/hello.ts";
import type { OwnedWork } from "../system/owned_work.ts";
import { failure, type MessageId, notification, type Request, success } from "../wire/messages.ts";
import type { WireError } from "../wire/errors.ts";
import type { Connection } from "./connection.ts";
import type { Delivery, EventHandler } from "./event_bus.ts";

/** Characters of events that an observer's queue holds at the most. */
const OBSERVER_QUEUE = 8 * 1024 * 1024;
/** Characters of events above which the owner of a build holds it back, and how many let it go on. */
const OWNER_HIGH_WATER = 1024 * 1024;
const OWNER_LOW_WATER = 256 * 1024;

/** One connected UI, after its hello. */
export class UI implements EventHandler {
  /** Its connection's number. */
  readonly handler: number;
  readonly client: ClientInfo;
  readonly connection: Connection;
  /** What it may do now. */
  role: Role | "waiting";
  features: readonly Feature[];
  mask: EventMask = DEFAULT_MASK;
  /** What a waiting UI has sent that must wait for its turn. */
  readonly backlog: Request[] = [];
  /** Whether it owns the command in progress: then nothing may be lost. */
  ownsCommand = false;
  readonly #queueLimit: number;
  readonly #beside: OwnedWork;
  #dropped = 0;
  #lastDropped: Delivery | undefined;

  /**
   * @param options `queueLimit`: characters of events that wait for it at the most, unless it owns a
   *   build; default: {@linkcode OBSERVER_QUEUE}. `beside` owns its waits
   */
  constructor(
    connection: Connection,
    hello: HelloParams,
    role: Role | "waiting",
    options: { readonly beside: OwnedWork; readonly queueLimit: number | undefined },
  ) {
    this.handler = connection.number;
    this.connection = connection;
    this.client = hello.client;
    this.features = hello.features ?? [];
    this.role = role;
    this.#queueLimit = options.queueLimit ?? OBSERVER_QUEUE;
    this.#beside = options.beside;
  }

  get ready(): Promise<void> | undefined {
    const { outbox } = this.connection;
    return outbox.held > OWNER_HIGH_WATER ? outbox.room(OWNER_LOW_WATER) : undefined;
  }

  deliver(delivery: Delivery): void {
    if (!passesMask(delivery.event, this.mask)) return;
    const { outbox } = this.connection;
    if (this.ownsCommand) this.#tellDropped();
    else if (this.#lastDropped !== undefined || outbox.held > this.#queueLimit) {
      return this.#drop(delivery);
    }
    outbox.pushEvent(delivery);
  }

  /** Answers a request. */
  reply(id: MessageId, result: unknown): void {
    this.connection.send(success(id, result));
  }

  /** Answers a request with an error. */
  refuse(id: MessageId | null, error: WireError): void {
    this.connection.send(failure(id, error));
  }

  /** Sends a notification. */
  notify(method: string, params: unknown): void {
    this.connection.send(notification(method, params));
  }

  /** Once something is lost, all is until half of the queue is free again, and then it is told. */
  #drop(delivery: Delivery): void {
    if (this.#lastDropped === undefined) {
      const room = this.connection.outbox.room(this.#queueLimit / 2);
      this.#beside.own("reporting dropped events", room.then(() => this.#tellDropped()));
    }
    this.#dropped++;
    this.#lastDropped = delivery;
  }

  /** The event that says what was lost bears the stamp of the last one that was. */
  #tellDropped(): void {
    if (this.#lastDropped === undefined) return;
    const { seq, time } = this.#lastDropped.event;
    const event = { type: "EventsDropped", count: this.#dropped, seq, time };
    this.connection.outbox.push(frameText(notification("event", event)));
    this.#dropped = 0;
    this.#lastDropped = undefined;
  }
}
