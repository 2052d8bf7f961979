/**
 * Garbage collection of a store: removes the blobs that no record refers to. If the store is still
 * larger than its limit, the least recently used results go next, with their own blobs.
 *
 * Other servers may use the store during a collection. Young files are spared, because another
 * server may be about to refer to them. A result whose blob is missing afterwards is a miss.
 *
 * @module
 */

import type { Clock } from "../../system/clock.ts";
import { joinPath, listFolder } from "../../system/files/files.ts";
import { macrotask } from "../../system/macrotask.ts";
import { clearUnlessFolder, removeAnything } from "../../system/files/regular_file.ts";
import { treeEntry } from "../../system/files/tree.ts";
import type { Blobs } from "./blobs.ts";
import type { Records } from "./records.ts";
import type { StoredResult } from "./result.ts";

/** Options of a collection. */
export interface CollectOptions {
  /** Size in bytes that the store may keep. */
  readonly maxBytes: number;
  /** True to report only, without removing anything. */
  readonly dryRun?: boolean;
  /** True to remove young files, too. */
  readonly spareNothing?: boolean;
}

/** Numbers of files found and removed. */
export interface CollectReport {
  readonly records: number;
  readonly blobs: number;
  /** Total size of the records and blobs. */
  readonly bytes: number;
  readonly removedRecords: number;
  readonly removedBlobs: number;
  readonly removedBytes: number;
}

/** Grace period in milliseconds, during which a file is young. */
const GRACE_MS = 10 * 60 * 1000;
/** Milliseconds after which the writer of a temporary file has surely ended. */
const STALE_MS = 24 * 60 * 60 * 1000;
/** Number of files handled between two turns of the event loop. */
const STRETCH = 500;

interface Kept {
  readonly path: string;
  readonly bytes: number;
  readonly usedAt: number;
}

interface KeptRecord extends Kept {
  readonly digests: readonly string[];
  readonly fingerprint: string | undefined;
}

/** The parts of a store that a collection works on. */
interface CollectedStore {
  readonly records: Records;
  readonly blobs: Blobs;
  readonly staging: string;
  readonly clock: Clock;
}

/**
 * Removes unused blobs, unreadable records and, if the store is too large, the least recently used
 * results.
 */
export async function collectStore(
  store: CollectedStore,
  { maxBytes, dryRun = false, spareNothing = false }: CollectOptions,
): Promise<CollectReport> {
  const now = store.clock.now();
  // A time far in the future is not young: the clock was wrong then, or is wrong now.
  const isYoung = (time: number): boolean => !spareNothing && Math.abs(now - time) <= GRACE_MS;
  if (!dryRun) clearParts([store.records.folder, store.blobs.folder]);
  const records = await listRecords(store.records);
  const blobs = await listFiles(store.blobs.folder);
  const users = new Map<string, number>();
  for (const digest of records.flatMap((record) => record.digests)) {
    users.set(digest, (users.get(digest) ?? 0) + 1);
  }
  const all = sizeOf(records) + sizeOf([...blobs.values()]);
  const removed = { records: 0, blobs: 0, bytes: 0 };
  const remove = (kept: Kept): boolean => {
    if (!dryRun) {
      // Another server may have used the file since it was listed, which refreshes its time.
      const { modifiedAt = 0 } = treeEntry(kept.path) ?? {};
      if (isYoung(modifiedAt)) return false;
      removeAnything(kept.path);
    }
    removed.bytes += kept.bytes;
    return true;
  };
  const removeBlob = (digest: string): void => {
    const blob = blobs.get(digest);
    if (blob === undefined || (users.get(digest) ?? 0) > 0 || isYoung(blob.usedAt)) return;
    if (remove(blob)) removed.blobs++;
    blobs.delete(digest);
  };
  for (const digest of [...blobs.keys()]) removeBlob(digest);
  for (const record of records.sort((a, b) => a.usedAt - b.usedAt)) {
    const isFitting = all - removed.bytes <= maxBytes;
    if ((isFitting && record.fingerprint !== undefined) || isYoung(record.usedAt)) continue;
    if (!remove(record)) continue;
    removed.records++;
    if (record.fingerprint !== undefined && !dryRun) store.records.forget(record.fingerprint);
    for (const digest of record.digests) {
      users.set(digest, (users.get(digest) ?? 1) - 1);
      removeBlob(digest);
    }
  }
  if (!dryRun) sweepStaging(store.staging, now);
  return {
    records: records.length,
    blobs: blobs.size + removed.blobs,
    bytes: all,
    removedRecords: removed.records,
    removedBlobs: removed.blobs,
    removedBytes: removed.bytes,
  };
}

async function listRecords(records: Records): Promise<KeptRecord[]> {
  const found: KeptRecord[] = [];
  for (const kept of (await listFiles(records.folder)).values()) {
    const result = records.load(kept.path);
    found.push({ ...kept, digests: digestsOf(result), fingerprint: result?.fingerprint });
    if (found.length % STRETCH === 0) await macrotask();
  }
  return found;
}

function digestsOf(result: StoredResult | undefined): string[] {
  if (result === undefined) return [];
  const digests = result.outputs.flatMap((output) => output.kind === "file" ? output.digest : []);
  return [...new Set(result.log === undefined ? digests : [...digests, result.log])];
}

/** Lists the files in a folder's subfolders, by their names. */
async function listFiles(folder: string): Promise<Map<string, Kept>> {
  const files = new Map<string, Kept>();
  for (const part of listFolder(folder)) {
    // Files behind a link do not belong to the store.
    if (treeEntry(joinPath(folder, part))?.kind !== "folder") continue;
    for (const name of listFolder(joinPath(folder, part))) {
      const path = joinPath(folder, part, name);
      const entry = treeEntry(path);
      if (entry === undefined) continue;
      files.set(name, { path, bytes: entry.bytes, usedAt: entry.modifiedAt });
      if (files.size % STRETCH === 0) await macrotask();
    }
  }
  return files;
}

/** Removes links and other files that are not folders from the folders of blobs and records. */
function clearParts(folders: readonly string[]): void {
  for (const folder of folders) {
    for (const part of listFolder(folder)) clearUnlessFolder(joinPath(folder, part));
  }
}

function sizeOf(kept: readonly Kept[]): number {
  return kept.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Removes temporary files whose writers were killed. */
function sweepStaging(folder: string, now: number): void {
  for (const name of listFolder(folder)) {
    const path = joinPath(folder, name);
    if ((treeEntry(path)?.modifiedAt ?? now) < now - STALE_MS) removeAnything(path);
  }
}
