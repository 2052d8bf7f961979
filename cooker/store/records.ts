/**
 * Stores the records of results: one small JSON file for each fingerprint, which lists the outputs
 * and refers to their contents in the blobs.
 *
 * A record carries a digest of itself, which reveals damage by a faulty disk. The digest does not
 * protect against a program that can write to the cache: `outputs.ts` checks each path before it is
 * used.
 *
 * @module
 */

import * as v from "valibot";
import type { Clock } from "../../system/clock.ts";
import { sha256Hex } from "../../system/files/digest.ts";
import { inFolder, joinPath, parentFolder } from "../../system/files/files.ts";
import type { Logger } from "../../system/logger.ts";
import {
  clearUnlessFolder,
  putInPlace,
  readRegularBytes,
  removeAnything,
} from "../../system/files/regular_file.ts";
import { refreshTimes, writeNewFile } from "../../system/files/tree.ts";
import { StoreError } from "./errors.ts";
import type { StoredResult } from "./result.ts";

/** Milliseconds between two refreshes of the file time of a record in use. */
const TOUCH_MS = 60 * 60 * 1000;
/** Number of records in memory at most, each counted with its outputs. */
const MAX_KNOWN = 6000;
const FORMAT = 1;
/** Largest record in bytes: about 300,000 outputs. A longer file is treated as damaged. */
const MAX_BYTES = 64 * 1024 * 1024;

const digest = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
/** Bits beyond those of user, group and others (set-user-id and its like) are never restored. */
const mode = v.pipe(
  v.number(),
  v.integer(),
  v.minValue(0),
  v.maxValue(0o7777),
  v.transform((bits) => bits & 0o777),
);

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

/** Beginning of the records of earlier versions. */
const OLDER_BEGIN = '{"format":';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The content of a record's file. */
type Parsed =
  | { readonly kind: "result"; readonly result: StoredResult }
  /** Written by an earlier version, which gave records no digest. */
  | { readonly kind: "older" }
  | { readonly kind: "damaged" };

/** Dependencies and limits of the records. */
interface RecordsOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Number of records in memory at most, each counted with its outputs. Default: 6000. */
  readonly maxKnown?: number;
}

/** The records of a store. */
export class Records {
  /**
   * The folder of the records. Its subfolders are named after the fingerprints' first two digits.
   */
  readonly folder: string;
  readonly #staging: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #known = new Map<string, StoredResult>();
  /** The last refresh of the file time of each record in memory. */
  readonly #touched = new Map<string, number>();
  readonly #maxKnown: number;
  #size = 0;

  /** @param staging folder for temporary files, on the same file system */
  constructor(folder: string, staging: string, { clock, log, maxKnown }: RecordsOptions) {
    this.folder = folder;
    this.#staging = staging;
    this.#clock = clock;
    this.#log = log;
    this.#maxKnown = maxKnown ?? MAX_KNOWN;
  }

  /** Number of records in memory, each counted with its outputs. */
  get size(): number {
    return this.#size;
  }

  /** Returns the record of a fingerprint, or `undefined` if there is no readable one. */
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

  /**
   * Writes a record.
   *
   * @throws {StoreError} if it has too many outputs to be read again
   */
  save(result: StoredResult): void {
    const bytes = encoder.encode(recordText(result));
    if (bytes.length > MAX_BYTES) {
      throw new StoreError(`${result.outputs.length} outputs are too many for one result`);
    }
    const temporary = joinPath(this.#staging, crypto.randomUUID());
    inFolder(this.#staging, () => writeNewFile(temporary, bytes, 0o600));
    const path = this.path(result.fingerprint);
    const folder = parentFolder(path);
    clearUnlessFolder(folder);
    inFolder(folder, () => putInPlace(temporary, path));
    this.#remember(result);
  }

  /** Removes a record from memory, so that the next lookup reads its file. */
  forget(fingerprint: string): void {
    this.#drop(fingerprint);
    this.#touched.delete(fingerprint);
  }

  /** Returns the path of a record, which need not exist. */
  path(fingerprint: string): string {
    return joinPath(this.folder, fingerprint.slice(0, 2), `${fingerprint}.json`);
  }

  /** Reads a record from its file, without adding it to those in memory. */
  load(path: string): StoredResult | undefined {
    const parsed = parseFile(path);
    return parsed?.kind === "result" ? parsed.result : undefined;
  }

  #read(fingerprint: string): StoredResult | undefined {
    const path = this.path(fingerprint);
    const parsed = parseFile(path);
    if (parsed === undefined) return undefined;
    if (parsed.kind === "result" && parsed.result.fingerprint === fingerprint) return parsed.result;
    if (parsed.kind !== "older") {
      this.#log.log("warn", `The cache's record ${path} is damaged; it is removed`);
    }
    removeAnything(path);
    return undefined;
  }

  /** Adds a record to memory, and evicts the least recently used ones beyond the limit. */
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

/** Encodes a record. Its digest is that of the same text without the digest. */
function recordText(result: StoredResult): string {
  const text = JSON.stringify({ format: FORMAT, ...result });
  return `{"digest":"${sha256Hex(text)}",${text.slice(1)}`;
}

/** @returns `undefined` if there is no file */
function parseFile(path: string): Parsed | undefined {
  const bytes = readRegularBytes(path, { maxBytes: MAX_BYTES });
  if (bytes === "absent") return undefined;
  return bytes === "unfit" ? { kind: "damaged" } : parseRecord(decoder.decode(bytes));
}

function parseRecord(text: string): Parsed {
  const own = /^\{"digest":"([0-9a-f]{64})",/.exec(text);
  if (own === null && !text.startsWith(OLDER_BEGIN)) return { kind: "damaged" };
  const rest = own === null ? text : `{${text.slice(own[0].length)}`;
  if (own !== null && sha256Hex(rest) !== own[1]) return { kind: "damaged" };
  let value: unknown;
  try {
    value = JSON.parse(rest);
  } catch (error) {
    if (error instanceof SyntaxError) return { kind: "damaged" };
    throw error;
  }
  const parsed = v.safeParse(recordSchema, value);
  if (!parsed.success) return { kind: "damaged" };
  if (own === null) return { kind: "older" };
  const { format: _, log, ...result } = parsed.output;
  return { kind: "result", result: log === undefined ? result : { ...result, log } };
}
