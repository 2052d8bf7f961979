/**
 * Finding what patterns mean.
 *
 * @module
 */

import {
  fileFacts,
  type FolderEntry,
  isLargeFolder,
  readEntries,
  readEntriesAside,
  targetFacts,
} from "../../system/file_signature.ts";
import { isSystemError, systemReason } from "../../system/files.ts";
import { UNDECODABLE } from "./file_table.ts";
import { type Sliced, sortSliced } from "./pace.ts";
import type { PathPatterns } from "./patterns.ts";

/** Something that was found. */
export interface FoundPath {
  /** Absolute. */
  readonly path: string;
  readonly kind: "file" | "folder" | "link" | "other";
}

/** An input that can't be known, so that no result may depend on it. */
export interface InputProblem {
  /** Absolute; bytes that are not UTF-8 are shown as U+FFFD. */
  readonly path: string;
  /** A sentence's end: `can't be read: Permission denied`. */
  readonly reason: string;
}

/** What a walk has found. */
export interface Found {
  /** Files, links and empty folders, sorted by path. */
  readonly paths: readonly FoundPath[];
  /** The folders that were read, in no order; absolute. */
  readonly folders: ReadonlySet<string>;
  /** What could not be looked at, or named. */
  readonly problems: readonly InputProblem[];
}

/** How a walk is done. */
export interface WalkOptions {
  /** Told of each folder before it is read. */
  readonly enter: (folder: string) => void;
  /** Whether large folders are read in another thread; only work that is awaited can do that. */
  readonly waits: boolean;
}

/** Entries between two moments at which a walk can be interrupted. */
const PIECE = 64;

/** Says why the system does not let this process look at an input. */
export function unreadable(path: string, reason: string): InputProblem {
  return { path, reason: `can't be read: ${reason}` };
}

/**
 * Finds the files and links that patterns mean, and the empty folders. Links are not followed, but
 * for the bases themselves.
 */
export function* walk(patterns: PathPatterns, { enter, waits }: WalkOptions): Sliced<Found> {
  const found = new Map<string, FoundPath>();
  const problems = new Map<string, InputProblem>();
  const visited = new Set<string>();
  const open: string[] = [];
  const attempt = <T>(path: string, work: () => T): T | undefined => {
    try {
      return work();
    } catch (error) {
      if (!isSystemError(error)) throw error;
      problems.set(path, unreadable(path, systemReason(error)));
      return undefined;
    }
  };
  for (const base of new Set(patterns.bases)) {
    if (patterns.excludes(base)) continue;
    const kind = attempt(base, () => targetFacts(base)?.kind);
    if (kind === "folder") open.push(base);
    else if (kind !== undefined && patterns.matches(base)) found.set(base, { path: base, kind });
  }
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    if (visited.has(folder)) continue;
    visited.add(folder);
    const now = folder;
    enter(now);
    let entries: readonly FolderEntry[] | undefined;
    if (waits && isLargeFolder(now)) {
      let failed: { readonly error: unknown } | undefined;
      yield async () => {
        try {
          entries = await readEntriesAside(now);
        } catch (error) {
          failed = { error };
        }
      };
      attempt(now, () => {
        if (failed !== undefined) throw failed.error;
      });
    } else {
      entries = attempt(now, () => readEntries(now));
    }
    if ((entries ?? []).length === 0 && patterns.matches(now)) {
      found.set(now, { path: now, kind: "folder" });
    }
    const strange = new Set<string>();
    let count = 0;
    for (const { name, kind } of entries ?? []) {
      if (count++ % PIECE === 0) yield;
      const path = now === "/" ? `/${name}` : `${now}/${name}`;
      const isReached = kind === "folder" && !patterns.passesOver(path) &&
        patterns.reachesInto(path);
      if (!isReached && (kind === "folder" || !patterns.matches(path))) continue;
      if (name.includes(UNDECODABLE) && !isDecodable(path, strange)) {
        problems.set(path, { path, reason: "has a name that is not UTF-8" });
      } else if (isReached) open.push(path);
      else found.set(path, { path, kind });
    }
  }
  const paths = yield* sortSliced([...found.values()], byPath);
  return { paths, folders: visited, problems: [...problems.values()].sort(byPath) };
}

function byPath(a: { readonly path: string }, b: { readonly path: string }): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}

/** Whether a name with U+FFFD in it is a file's own: it is the only one, and it leads to the file. */
function isDecodable(path: string, seen: Set<string>): boolean {
  if (seen.has(path)) return false;
  seen.add(path);
  try {
    return fileFacts(path) !== undefined;
  } catch (error) {
    if (isSystemError(error)) return false;
    throw error;
  }
}
