/**
 * The lifetime of a server: decides on each tick if the server must stop, and why.
 *
 * @module
 */

import type { Clock } from "../system/clock.ts";
import { sizeText } from "../system/size.ts";
import type { OwnedFiles } from "./owned_files.ts";

/** Grace period for the first UI of a server without a timeout (R8), in milliseconds. */
const FIRST_UI_MS = 30_000;
/** Idle time after which a server with a faulty cooker ends, in milliseconds. */
const FAULT_MS = 10_000;
/** Idle time after which a use counts as over, in milliseconds: the next command may follow soon. */
const REST_MS = 1000;
/** Interval of memory checks, in milliseconds. */
const MEMORY_CHECK_MS = 1000;
/** Time that the runtime needs to return memory to the system, in milliseconds. */
const MEMORY_RELEASE_MS = 3000;

/** Reason for a server to stop by itself. */
interface StopReason {
  /**
   * - `"lost files"`: the lock file or the socket was deleted or replaced, so clients cannot find
   *   the server
   * - `"idle"`: the idle timeout has passed, or the cooker has been of no use for a while
   * - `"memory"`: it uses more memory than its limit
   */
  readonly kind: "lost files" | "idle" | "memory";
  /** Log line. */
  readonly message: string;
}

/** Usage of a server at a tick. */
export interface ServerUsage {
  /** A command is in progress. */
  readonly isBusy: boolean;
  /** A UI is connected. */
  readonly hasUI: boolean;
  /** A UI is connected that may send commands. */
  readonly hasController: boolean;
}

/** Limits of a lifetime. */
interface LifetimeOptions {
  readonly clock: Clock;
  /** Idle timeout in seconds; -1: never; 0: when the last UI leaves. */
  readonly timeoutSeconds: number;
  /** Limit of resident memory in bytes. */
  readonly maxRssBytes: number;
  /** Reads the resident memory in bytes. */
  readonly rss: () => number;
  /** Returns memory to the system as far as possible. */
  readonly releaseMemory: () => void;
  /** Returns the reason for which the cooker is of no use; default: there is none. */
  readonly fault?: () => string | undefined;
  /** Files without which clients cannot find the server; default: none. */
  readonly files?: OwnedFiles;
  /** Reports a passed memory limit, once until the limit holds again. */
  readonly warn: (message: string) => void;
}

/** Decides when a server stops. */
export class Lifetime {
  readonly #options: LifetimeOptions;
  #lastUsed: number;
  /**
   * Last use, in milliseconds since the Unix epoch. Operators do not count: a query of the status
   * must not make a server the most recently used one.
   */
  #servedAt: number;
  /** The use after which the server has been at rest. */
  #restedAfter = -Infinity;
  #hadUI = false;
  #nextMemoryCheck = 0;
  #memory: "below limit" | "above limit" | "released" = "below limit";
  readonly #startedAt: number;

  constructor(options: LifetimeOptions) {
    const { clock } = options;
    this.#options = options;
    this.#startedAt = clock.monotonic();
    this.#lastUsed = this.#startedAt;
    this.#servedAt = clock.now();
  }

  /** Time of the last use or of the start, in milliseconds since the Unix epoch. */
  get servedAt(): number {
    return this.#servedAt;
  }

  /** True during the time that the server's first UI has to connect. */
  get isNew(): boolean {
    return this.#options.clock.monotonic() - this.#startedAt < FIRST_UI_MS;
  }

  /** Time of the idle timeout by the monotonic clock, in milliseconds. */
  get endsAt(): number {
    const { timeoutSeconds } = this.#options;
    if (timeoutSeconds < 0) return Infinity;
    if (timeoutSeconds > 0) return this.#lastUsed + timeoutSeconds * 1000;
    return this.#lastUsed + (this.#hadUI ? 0 : FIRST_UI_MS);
  }

  /** Restarts the idle timeout: the server has served a client that is no UI. */
  touch(): void {
    this.#used(true);
  }

  /**
   * Records that a UI has left.
   *
   * @param remaining number of UIs that are left
   * @param counts `false` for operators: the client that starts a server in the background is one,
   *   and does not count as the first UI
   */
  uiLeft(remaining: number, counts: boolean): void {
    this.#hadUI ||= counts;
    if (counts || remaining === 0) this.#used(counts);
  }

  /**
   * Returns true once after each use, when the server has been idle for {@linkcode REST_MS}. Called
   * on each tick.
   */
  hasComeToRest({ isBusy, hasUI }: ServerUsage): boolean {
    const { clock } = this.#options;
    if (isBusy || hasUI || this.#restedAfter === this.#servedAt) return false;
    if (clock.monotonic() < this.#lastUsed + REST_MS) return false;
    this.#restedAfter = this.#servedAt;
    return true;
  }

  /** Returns the reason to stop, if there is one. Called on each tick and after each command. */
  reasonToStop(usage: ServerUsage): StopReason | undefined {
    const lost = this.#options.files?.check();
    if (lost !== undefined) return { kind: "lost files", message: lost };
    const idle = this.#idleMessage(usage);
    if (idle !== undefined) return { kind: "idle", message: idle };
    const memory = this.#memoryMessage(usage);
    return memory === undefined ? undefined : { kind: "memory", message: memory };
  }

  /** @param counts `false` if only operators have used the server */
  #used(counts: boolean): void {
    const { clock } = this.#options;
    this.#lastUsed = clock.monotonic();
    if (counts) this.#servedAt = clock.now();
  }

  #idleMessage({ isBusy, hasUI, hasController }: ServerUsage): string | undefined {
    const { timeoutSeconds, clock } = this.#options;
    if (isBusy || hasUI) {
      this.#used(isBusy || hasController);
      return undefined;
    }
    if (clock.monotonic() < this.endsAt) return this.#faultMessage();
    if (timeoutSeconds > 0) return "Server timeout, exiting.";
    return this.#hadUI ? "No timeout, exiting." : "No UI came, exiting.";
  }

  #faultMessage(): string | undefined {
    const { clock, fault } = this.#options;
    if (clock.monotonic() < this.#lastUsed + FAULT_MS) return undefined;
    const reason = fault?.();
    return reason === undefined ? undefined : `${reason}, exiting.`;
  }

  /** Observers do not keep a server alive here: a new server serves them as well. */
  #memoryMessage({ isBusy, hasController }: ServerUsage): string | undefined {
    const { clock, maxRssBytes, releaseMemory, warn } = this.#options;
    const now = clock.monotonic();
    if (now < this.#nextMemoryCheck) return undefined;
    this.#nextMemoryCheck = now + MEMORY_CHECK_MS;
    const rss = this.#options.rss();
    if (rss <= maxRssBytes) {
      this.#memory = "below limit";
      return undefined;
    }
    const state = `Server memory ${sizeText(rss)}, limit ${sizeText(maxRssBytes)} (--max-rss)`;
    if (isBusy || hasController) {
      if (this.#memory === "below limit") {
        warn(`${state}: a new server replaces it when it is idle`);
        this.#memory = "above limit";
      }
      return undefined;
    }
    if (this.#memory === "released") return `${state}, exiting.`;
    releaseMemory();
    this.#memory = "released";
    this.#nextMemoryCheck = now + MEMORY_RELEASE_MS;
    return undefined;
  }
}
