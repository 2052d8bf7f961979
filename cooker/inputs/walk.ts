/**
 * Walks folders to find the files, links and empty folders that patterns match.
 *
 * @module
 */

import {
  fileFacts,
  type FolderEntry,
  isLargeFolder,
  readEntries,
  readEntriesAsync,
  targetFacts,
} from "../../system/files/file_signature.ts";
import { isSystemError, systemReason } from "../../system/files/files.ts";
import { UNDECODABLE } from "./file_table.ts";
import { type Sliced, sortSliced } from "./pace.ts";
import { leadsToFolder, LinkedFolders, type LinkedWay } from "./linked_folders.ts";
import type { FilePatterns } from "./file_patterns.ts";

/** A path that a walk has found. */
export interface FoundPath {
  /** Absolute path. */
  readonly path: string;
  readonly kind: "file" | "folder" | "link" | "other";
}

/** An input whose content cannot be known, so that no result may depend on it. */
export interface InputProblem {
  /** Absolute path. Bytes that are not UTF-8 are shown as U+FFFD. */
  readonly path: string;
  /** End of a sentence, such as `can't be read: Permission denied`. */
  readonly reason: string;
}

/** Result of a walk. */
export interface Found {
  /** Files, links and empty folders, sorted by path. */
  readonly paths: readonly FoundPath[];
  /** The folders that were read, in no order, as absolute paths. */
  readonly folders: ReadonlySet<string>;
  /** Paths that could not be read, or whose names are not UTF-8. */
  readonly problems: readonly InputProblem[];
  /** Links that the walk would follow if they led to folders. */
  readonly links: readonly string[];
  /** True if a link leads to a folder. The kernel may not report changes behind it. */
  readonly hasLinkedFolders: boolean;
}

/** Options of a walk. */
interface WalkOptions {
  /** Called with each folder before it is read, unless the folder is behind a link. */
  readonly enter: (folder: string) => void;
  /** True if large folders are read in another thread. The work then has to be awaited. */
  readonly waits: boolean;
}

/** A folder that the walk has yet to read. */
interface OpenFolder {
  readonly path: string;
  /** The base at which the walk to this folder began. */
  readonly base: string;
  /** The way to the folder, if it contains a link below the base. */
  readonly way?: LinkedWay;
}

/** Number of entries after which a walk yields. */
const PIECE = 64;

/** Returns the problem of an input that the system does not let this process read. */
export function unreadable(path: string, reason: string): InputProblem {
  return { path, reason: `cannot be read: ${reason}` };
}

/**
 * Finds the files, links and empty folders that patterns match.
 *
 * Bases that are links are followed. Links to folders below a base are followed only if the
 * patterns follow links. A file behind such a link is found by its path through the link, and the
 * link itself is found as well.
 */
export function* walk(patterns: FilePatterns, { enter, waits }: WalkOptions): Sliced<Found> {
  const found = new Map<string, FoundPath>();
  const problems = new Map<string, InputProblem>();
  const visited = new Set<string>();
  const links = new LinkedFolders(patterns);
  /** Paths that were found behind links; `firstLink` is the first link that was followed. */
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
    // A watch applies to the folder's own path. Therefore files behind links are checked instead.
    if (way === undefined) enter(now);
    let entries: readonly FolderEntry[] | undefined;
    if (waits && isLargeFolder(now)) {
      let failed: { readonly error: unknown } | undefined;
      yield async () => {
        try {
          entries = await readEntriesAsync(now);
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
    // No result depends on the contents of these files any more, so they are not read.
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

/**
 * Returns true if a name that contains U+FFFD is the file's real name. That is the case if it is
 * the only such name and it leads to a file.
 */
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
