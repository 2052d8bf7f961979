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
} from "../../system/files/file_signature.ts";
import { isSystemError, systemReason } from "../../system/files/files.ts";
import { UNDECODABLE } from "./file_table.ts";
import { type Sliced, sortSliced } from "./pace.ts";
import { leadsToFolder, LinkedFolders, type LinkedWay } from "./linked_folders.ts";
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
  /** Links that would be followed if they led to folders. */
  readonly links: readonly string[];
  /** Whether a link leads to a folder: what is behind it may change unreported. */
  readonly hasLinkedFolders: boolean;
}

/** How a walk is done. */
interface WalkOptions {
  /** Called with each folder before it is read, unless it is behind a link. */
  readonly enter: (folder: string) => void;
  /** Whether large folders are read in another thread; only work that is awaited can do that. */
  readonly waits: boolean;
}

/** A folder that is to be read. */
interface OpenFolder {
  readonly path: string;
  /** The base that the walk to it began with. */
  readonly base: string;
  /** The way to it, if there is a link on it below the base. */
  readonly way?: LinkedWay;
}

/** Entries between two moments at which a walk can be interrupted. */
const PIECE = 64;

/** Says why the system does not let this process look at an input. */
export function unreadable(path: string, reason: string): InputProblem {
  return { path, reason: `can't be read: ${reason}` };
}

/**
 * Finds the files and links that patterns mean, and the empty folders. Bases that are links are
 * followed; links to folders on the way only if the patterns follow links. What is behind one is
 * found by the path through the link, and the link itself is found too.
 */
export function* walk(patterns: PathPatterns, { enter, waits }: WalkOptions): Sliced<Found> {
  const found = new Map<string, FoundPath>();
  const problems = new Map<string, InputProblem>();
  const visited = new Set<string>();
  const links = new LinkedFolders(patterns);
  /** What was found behind links, and the first link that was followed. */
  const behind: string[] = [];
  let firstLink: string | undefined;
  const unfollowed: string[] = [];
  let hasLinkedFolders = false;
  const open: OpenFolder[] = [];
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
    if (kind === "folder") open.push({ path: base, base });
    else if (kind !== undefined && patterns.matches(base)) found.set(base, { path: base, kind });
  }
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    const { path: now, base, way } = folder;
    if (visited.has(now) || (way !== undefined && links.isExceeded)) continue;
    visited.add(now);
    // A watch would be one of the folder's own path: behind links, files are looked at instead.
    if (way === undefined) enter(now);
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
    if (way !== undefined) links.count(entries?.length ?? 0);
    if ((entries ?? []).length === 0 && patterns.matches(now)) {
      found.set(now, { path: now, kind: "folder" });
      if (way !== undefined) behind.push(now);
    }
    const strange = new Set<string>();
    let count = 0;
    for (const { name, kind } of entries ?? []) {
      if (count++ % PIECE === 0) yield;
      const path = now === "/" ? `/${name}` : `${now}/${name}`;
      const mayLead = kind === "folder" || (kind === "link" && patterns.followsLinks);
      const isReached = mayLead && !patterns.passesOver(path) && patterns.reachesInto(path);
      const isMeant = kind !== "folder" && patterns.matches(path);
      if (!isReached && !isMeant) continue;
      if (name.includes(UNDECODABLE) && !isDecodable(path, strange)) {
        problems.set(path, { path, reason: "has a name that is not UTF-8" });
        continue;
      }
      if (links.excludes(way, name)) continue;
      if (isMeant) {
        found.set(path, { path, kind });
        if (way !== undefined) behind.push(path);
      }
      if (!isReached) continue;
      if (kind === "folder" && way === undefined) {
        open.push({ path, base });
        continue;
      }
      if (kind === "link") {
        if (attempt(path, () => leadsToFolder(path)) !== true) {
          unfollowed.push(path);
          continue;
        }
        hasLinkedFolders = true;
      }
      const further = kind === "folder" && way !== undefined
        ? links.enter(way, name)
        : attempt(path, () => links.follow(path, way, base));
      if (further === undefined) continue;
      open.push({ path, base, way: further });
      if (kind === "link") firstLink ??= path;
    }
  }
  if (links.isExceeded && firstLink !== undefined) {
    // Nothing depends on their contents any more: they are not read.
    for (const path of behind) found.delete(path);
    problems.set(firstLink, { path: firstLink, reason: links.exceededText });
  }
  const paths = yield* sortSliced([...found.values()], byPath);
  return {
    paths,
    folders: visited,
    problems: [...problems.values()].sort(byPath),
    links: unfollowed,
    hasLinkedFolders,
  };
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
