/**
 * Records: what is kept of a task's result beside contents, one small file for each fingerprint.
 *
 * @module
 */

import * as v from "valibot";
import type { Clock } from "../../system/clock.ts";
import { inFolder, joinPath, readTextIfPresent, removeIfPresent } from "../../system/files.ts";
import type { Logger } from "../../system/logger.ts";
import { refreshTimes, renameFile, writeNewFile } from "../../system/tree.ts";
import type { StoredResult } from "./result.ts";

/** How often a record's time is set while it is in use, in milliseconds. */
const TOUCH_MS = 60 * 60 * 1000;
/** How many records are kept in memory, each counted with its outputs. */
const MAX_KNOWN = 6000;
const FORMAT = 1;

const digest = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const mode = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0o7777));

const recordSchema = v.object({
  format: v.literal(FORMAT),
  fingerprint: digest,
  task: v.string(),
  durationMs: v.number(),
  savedAt: v.number(),
  outputs: v.array(v.variant("kind", [
    v.object({ kind: v.literal("file"), path: v.string(), digest, bytes: v.number(), mode }),
    v.object({ kind: v.literal("link"), path: v.string(), target: v.string() }),
    v.object({ kind: v.literal("folder"), path: v.string(), mode }),
  ])),
  log: v.optional(digest),
});

const encoder = new TextEncoder();

/** What records need. */
export interface RecordsOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** How many are kept in memory, each counted with its outputs; default: 6000. */
  readonly maxKnown?: number;
}

/** A store's records. */
export class Records {
  /** Where they are; below it, folders of the fingerprints' first two digits. */
  readonly folder: string;
  readonly #aside: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #known = new Map<string, StoredResult>();
  /** When the times of those in memory were set last. */
  readonly #touched = new Map<string, number>();
  readonly #maxKnown: number;
  #size = 0;

  /** @param aside where they are until they are whole, on the same file system */
  constructor(folder: string, aside: string, { clock, log, maxKnown }: RecordsOptions) {
    this.folder = folder;
    this.#aside = aside;
    this.#clock = clock;
    this.#log = log;
    this.#maxKnown = maxKnown ?? MAX_KNOWN;
  }

  /** How many records are in memory, each counted with its outputs. */
  get size(): number {
    return this.#size;
  }

  /** The record of a fingerprint; `undefined` where there is none that can be read. */
  find(fingerprint: string): StoredResult | undefined {
    const known = this.#known.get(fingerprint) ?? this.#read(fingerprint);
    if (known === undefined) return undefined;
    const now = this.#clock.now();
    if (now - (this.#touched.get(fingerprint) ?? -Infinity) >= TOUCH_MS) {
      this.#touched.set(fingerprint, now);
      refreshTimes(this.path(fingerprint), new Date(now));
    }
    this.#remember(known);
    return known;
  }

  /** Keeps a record. */
  save(result: StoredResult): void {
    const aside = joinPath(this.#aside, crypto.randomUUID());
    const bytes = encoder.encode(JSON.stringify({ format: FORMAT, ...result }));
    inFolder(this.#aside, () => writeNewFile(aside, bytes, 0o600));
    const folder = joinPath(this.folder, result.fingerprint.slice(0, 2));
    inFolder(folder, () => renameFile(aside, this.path(result.fingerprint)));
    this.#remember(result);
  }

  /** Has a record read again. */
  forget(fingerprint: string): void {
    this.#drop(fingerprint);
    this.#touched.delete(fingerprint);
  }

  /** Where a record is, or would be. */
  path(fingerprint: string): string {
    return joinPath(this.folder, fingerprint.slice(0, 2), `${fingerprint}.json`);
  }

  /** A record from its file, without taking note of it. */
  load(path: string): StoredResult | undefined {
    const text = readTextIfPresent(path);
    return text === undefined ? undefined : parseRecord(text);
  }

  #read(fingerprint: string): StoredResult | undefined {
    const path = this.path(fingerprint);
    const text = readTextIfPresent(path);
    if (text === undefined) return undefined;
    const result = parseRecord(text);
    if (result?.fingerprint === fingerprint) return result;
    this.#log.log("warn", `The cache's record ${path} is damaged; it is removed`);
    removeIfPresent(path);
    return undefined;
  }

  /** Keeps a record in memory, and lets those go that were not asked for since long. */
  #remember(result: StoredResult): void {
    this.#drop(result.fingerprint);
    this.#known.set(result.fingerprint, result);
    this.#size += weight(result);
    for (const oldest of this.#known.keys()) {
      if (this.#size <= this.#maxKnown) break;
      this.forget(oldest);
    }
  }

  #drop(fingerprint: string): void {
    const known = this.#known.get(fingerprint);
    if (known === undefined) return;
    this.#known.delete(fingerprint);
    this.#size -= weight(known);
  }
}

function weight({ outputs }: StoredResult): number {
  return 1 + outputs.length;
}

function parseRecord(text: string): StoredResult | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  const parsed = v.safeParse(recordSchema, value);
  if (!parsed.success) return undefined;
  const { format: _, log, ...result } = parsed.output;
  return log === undefined ? result : { ...result, log };
}
