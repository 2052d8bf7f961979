/**
 * Observes a project's server for the full view: follows the events of all builds, reads from the
 * journals what it has missed, and connects again if the server ends.
 *
 * @module
 */

import { isSystemError } from "../../system/files/files.ts";
import type { Journal, ServerStatus } from "../../wire/command_types.ts";
import { WireError } from "../../wire/errors.ts";
import type { EventType, SimmerEvent } from "../../wire/events.ts";
import type { ServerPlace } from "../connect/find_server.ts";
import { noServer, withServer } from "../connect/with_server.ts";
import { ClientError, type ServerEndedError } from "../errors.ts";
import type { Invocation } from "../invocation.ts";
import type { SocketSession } from "../session.ts";
import { Builds } from "./builds.ts";
import { journalEvents } from "./journal.ts";

/** Milliseconds between two searches for a server after the last one has ended. */
const RETRY_MS = 500;
/** Milliseconds between two reads of the journals while events get lost. */
const CATCH_UP_MS = 500;

/** The events that change the view. */
const TYPES: readonly EventType[] = [
  "BuildStarted",
  "TerminalResized",
  "TaskQueued",
  "TaskStarted",
  "TaskReady",
  "TaskOutput",
  "KeyboardTaken",
  "KeyboardReleased",
  "SignalTyped",
  "TaskSucceeded",
  "TaskFailed",
  "TaskCached",
  "TaskCancelled",
  "BuildCompleted",
  "LogRecord",
];

/** Receives what the observer learns. */
interface ObserverListener {
  /** The builds or the connection have changed. */
  changed(): void;
  /** An event of a build, after the builds were updated. A promise delays further events. */
  event(event: SimmerEvent): Promise<void> | undefined;
  /** Events were lost: what was shown of the output may have a hole. */
  lost(): void;
  /** A message for the person. */
  say(text: string): void;
}

/** Follows the builds of one project. */
export class Observer {
  /** The known builds. */
  readonly builds: Builds = new Builds();
  readonly #invocation: Invocation;
  readonly #place: ServerPlace;
  readonly #listener: ObserverListener;
  readonly #left: AbortSignal;
  /** Events of builds whose journal is being read. */
  readonly #loading = new Map<string, SimmerEvent[]>();
  /** Offsets up to which journals were read. */
  readonly #ends = new Map<string, number>();
  readonly #work = new Set<Promise<void>>();
  readonly #failed = Promise.withResolvers<never>();
  #session: SocketSession | undefined;
  #isCatchingUp = false;
  #version: string | undefined;

  /** @param left aborted when the person leaves */
  constructor(
    invocation: Invocation,
    place: ServerPlace,
    listener: ObserverListener,
    left: AbortSignal,
  ) {
    this.#invocation = invocation;
    this.#place = place;
    this.#listener = listener;
    this.#left = left;
    this.#failed.promise.catch(() => {});
  }

  /** True if a server is connected. */
  get isConnected(): boolean {
    return this.#session !== undefined;
  }

  /** True if a server has been found. */
  get isReady(): boolean {
    return this.#version !== undefined;
  }

  /** Version of the connected server, or of the last one. */
  get version(): string | undefined {
    return this.#version;
  }

  /**
   * Observes until the person leaves.
   *
   * @throws {ClientError} if no server runs at the beginning
   */
  async run(): Promise<void> {
    let ended = await this.#observe();
    if (ended === undefined && !this.#left.aborted) throw noServer(this.#place);
    while (!this.#left.aborted) {
      if (ended !== undefined) {
        for (const build of this.builds.all) this.builds.lose(build);
        this.#listener.say(`${ended.message}; waiting for the next server`);
        this.#listener.changed();
      }
      await this.#invocation.clock.sleep(RETRY_MS, this.#left);
      if (!this.#left.aborted) ended = await this.#observeAgain();
    }
    await Promise.all(this.#work);
  }

  /**
   * Asks the server to write a build's journal to disk.
   *
   * @param build absent: the newest one
   * @returns `undefined` if there is none, or if the server is gone or of another kind
   */
  async openJournal(build?: string): Promise<Journal | undefined> {
    try {
      const params = build === undefined ? {} : { build };
      return await this.#session?.call("openJournal", params) as Journal | null ?? undefined;
    } catch (error) {
      if (error instanceof WireError && error.is("methodNotFound")) return undefined;
      if (error instanceof ClientError) return undefined;
      throw error;
    }
  }

  /** Observes the running server until it ends. Returns `undefined` if none runs. */
  async #observe(): Promise<ServerEndedError | undefined> {
    const work = async (session: SocketSession): Promise<ServerEndedError | undefined> => {
      this.#session = session;
      try {
        session.onEvent((event) => this.#take(event));
        await this.#begin(session);
        this.#listener.changed();
        return await Promise.race([session.ended, aborted(this.#left), this.#failed.promise]);
      } finally {
        this.#session = undefined;
      }
    };
    const options = { role: "observer", quiet: true } as const;
    return await withServer(this.#invocation, this.#place, async ({ session, hello }) => {
      this.#version = hello.version;
      return { ended: await work(session) };
    }, options).then((result) => result?.ended);
  }

  /** Observes a server that may be starting or ending. Its refusal is shown, and tried again. */
  async #observeAgain(): Promise<ServerEndedError | undefined> {
    try {
      return await this.#observe();
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      this.#listener.say(error.message);
      return undefined;
    }
  }

  /** Loads the builds in progress, or the last one. */
  async #begin(session: SocketSession): Promise<void> {
    await session.call("setEventMask", { types: TYPES });
    const status = await session.call("status") as ServerStatus;
    for (const { build, client } of status.builds) {
      // A build that this view knows has begun since the connection was made.
      if (build === undefined || this.#isKnown(build)) continue;
      this.builds.add(build, client);
      this.#own(this.#load(build));
    }
    const last = await this.openJournal();
    if (last === undefined || this.#isKnown(last.build)) return;
    this.builds.add(last.build, { pid: 0, command: "" });
    await this.#load(last.build);
    const build = this.builds.get(last.build);
    // The server that ran it was killed.
    if (build !== undefined && build.outcome === undefined) this.builds.lose(build);
  }

  #isKnown(build: string): boolean {
    return this.builds.get(build) !== undefined;
  }

  #take(event: SimmerEvent): Promise<void> | undefined {
    if (event.type === "EventsDropped") {
      this.#own(this.#catchUp());
      return undefined;
    }
    const { build } = event;
    if (build === undefined) return undefined;
    const waiting = this.#loading.get(build);
    if (waiting !== undefined) {
      if (event.type !== "TaskOutput") waiting.push(event);
    } else if (event.type !== "BuildStarted" && !this.#isKnown(build)) {
      // A closing event of a build that this view has never seen.
      if (event.type === "LogRecord") return undefined;
      this.builds.add(build, { pid: 0, command: "" });
      this.#own(this.#load(build));
    } else this.builds.apply(event);
    if (event.type !== "TaskOutput") this.#listener.changed();
    return this.#listener.event(event);
  }

  /** Reads a build's journal, and applies the events that have come meanwhile. */
  async #load(id: string): Promise<void> {
    if (this.#loading.has(id)) return;
    const waiting: SimmerEvent[] = [];
    this.#loading.set(id, waiting);
    let lastSeq = 0;
    try {
      const journal = await this.openJournal(id);
      if (journal !== undefined) {
        const read = await journalEvents(journal.path, this.#ends.get(id) ?? 0);
        for (const event of read.events) this.builds.apply(event);
        this.#ends.set(id, read.end);
        lastSeq = read.lastSeq;
      }
    } catch (error) {
      if (!isSystemError(error)) throw error;
      this.#listener.say(`Cannot read the journal of build ${id}: ${error.message}`);
    } finally {
      this.#loading.delete(id);
    }
    for (const event of waiting) if (event.seq > lastSeq) this.builds.apply(event);
    this.#listener.changed();
  }

  /** Reads from the journals what was lost. Waits first, because more may get lost. */
  async #catchUp(): Promise<void> {
    if (this.#isCatchingUp) return;
    this.#isCatchingUp = true;
    await this.#invocation.clock.sleep(CATCH_UP_MS, this.#left);
    this.#isCatchingUp = false;
    if (this.#left.aborted) return;
    const running = this.builds.all.filter(({ outcome }) => outcome === undefined);
    await Promise.all(running.map(({ id }) => this.#load(id)));
    this.#listener.lost();
  }

  #own(work: Promise<void>): void {
    const owned = work.catch((error: unknown) => this.#failed.reject(error))
      .finally(() => this.#work.delete(owned));
    this.#work.add(owned);
  }
}

/** Resolves with nothing when a signal is aborted. */
function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(undefined);
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}
