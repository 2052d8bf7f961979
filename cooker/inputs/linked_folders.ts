/**
 * Folders that a walk of inputs reaches through links.
 *
 * A folder is known by its path without links. One that is on the way to itself is a cycle and is not
 * entered again; everything in it has been found on that way. What can be found through links is
 * bounded, because links to one another's folders multiply.
 *
 * @module
 */

import { fileKind, isAbsent, joinPath, pathInside, realPath } from "../../system/files/files.ts";
import { kernelDevice, targetFacts } from "../../system/files/file_signature.ts";
import type { PathPatterns } from "./patterns.ts";

/** Entries that are read behind links at the most. */
const MAX_ENTRIES = 50_000;

/** The way to a folder, one link after the other. */
export interface LinkedWay {
  /** The part of the way before the last link. */
  readonly before: LinkedWay | undefined;
  /** Where this part begins, without links: a pattern's base, or what the last link leads to. */
  readonly top: string;
  /** The folder that it has come to, without links. */
  readonly folder: string;
}

/** The links to folders that one walk follows. */
export class LinkedFolders {
  readonly #patterns: PathPatterns;
  #entries = 0;

  constructor(patterns: PathPatterns) {
    this.#patterns = patterns;
  }

  /** Whether more entries have been read behind links than a walk takes. */
  get isExceeded(): boolean {
    return this.#entries > MAX_ENTRIES;
  }

  /** Why a set of inputs with too many entries behind links can't be known. */
  get exceededText(): string {
    return `leads to more than ${MAX_ENTRIES} files and folders: exclude it by "!" in "files"`;
  }

  /** Counts entries that have been read behind a link. */
  count(entries: number): void {
    this.#entries += entries + 1;
  }

  /**
   * The way behind a link to a folder, if a walk is to go on there: the folder is not in `/proc`, not
   * excluded by its own path, and not on the way already.
   *
   * @param link absolute, in a folder that the walk has come to
   * @param way the way to that folder; absent: no link is on it
   * @param base where the walk began
   * @throws the system's error if the target can't be looked at
   */
  follow(link: string, way: LinkedWay | undefined, base: string): LinkedWay | undefined {
    if (targetFacts(link)?.device === kernelDevice()) return undefined;
    try {
      const folder = realPath(link);
      if (this.#patterns.passesOver(folder) || this.#patterns.excludes(folder)) return undefined;
      const parent = link.slice(0, link.lastIndexOf("/")) || "/";
      const before = way ??
        { before: undefined, top: realPath(base), folder: realPath(parent) };
      return isOn(before, folder) ? undefined : { before, top: folder, folder };
    } catch (error) {
      // The link was changed in between.
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  /** The way to a folder in the one that a way has come to; `undefined` if it is not to be entered. */
  enter(way: LinkedWay, name: string): LinkedWay | undefined {
    const folder = joinPath(way.folder, name);
    return isOn(way, folder) || this.#patterns.excludes(folder) ? undefined : { ...way, folder };
  }

  /** Whether an entry is excluded by its path without links: one of the task's own outputs is. */
  excludes(way: LinkedWay | undefined, name: string): boolean {
    return way !== undefined && this.#patterns.excludes(joinPath(way.folder, name));
  }
}

/**
 * Whether a folder is behind a link.
 *
 * @throws the system's error if the target can't be looked at
 */
export function leadsToFolder(link: string): boolean {
  return fileKind(link) === "folder";
}

/** Whether a folder, given without links, is one of those that a way leads through. */
function isOn(way: LinkedWay, folder: string): boolean {
  for (let part: LinkedWay | undefined = way; part !== undefined; part = part.before) {
    const isBelowTop = pathInside(part.top, folder) !== undefined;
    if (isBelowTop && pathInside(folder, part.folder) !== undefined) return true;
  }
  return false;
}
