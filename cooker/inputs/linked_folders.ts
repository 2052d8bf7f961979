/**
 * Decides which links to folders a walk of inputs follows.
 *
 * A folder is identified by its path without links. A folder that is on the way to itself is a
 * cycle and is not entered again, because everything in it has been found on that way. The number
 * of entries behind links is limited, because folders that link to one another multiply.
 *
 * @module
 */

import {
  fileKind,
  isAbsent,
  isSystemError,
  joinPath,
  pathInside,
  realPath,
} from "../../system/files/files.ts";
import { kernelDevice, targetFacts } from "../../system/files/file_signature.ts";
import type { FilePatterns } from "./file_patterns.ts";

/** Maximum number of entries that are read behind links. */
const MAX_ENTRIES = 50_000;

/** The way to a folder, as a chain of links. */
export interface LinkedWay {
  /** The part of the way before the last link. */
  readonly before: LinkedWay | undefined;
  /**
   * The start of this part, without links: the base of a pattern, or the target of the last link.
   */
  readonly top: string;
  /** The current folder of the walk, without links. */
  readonly folder: string;
}

/** The links to folders that one walk follows. */
export class LinkedFolders {
  readonly #patterns: FilePatterns;
  #entries = 0;

  constructor(patterns: FilePatterns) {
    this.#patterns = patterns;
  }

  /** True if the walk has read more entries behind links than the maximum. */
  get isExceeded(): boolean {
    return this.#entries > MAX_ENTRIES;
  }

  /** Reason for which a set of inputs with too many entries behind links cannot be known. */
  get exceededText(): string {
    return `leads to more than ${MAX_ENTRIES} files and folders: exclude it with "!" in "files"`;
  }

  /** Counts the entries of a folder that was read behind a link, and the folder itself. */
  count(entries: number): void {
    this.#entries += entries + 1;
  }

  /**
   * Returns the way behind a link to a folder, if the walk has to continue there. The folder must
   * not be in `/proc`, excluded by its own path, or already on the way.
   *
   * @param link absolute, in the current folder of the walk
   * @param way the way to that folder; absent: it has no link
   * @param base the folder at which the walk began
   * @throws the system's error if the target cannot be read
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
      // The link was changed in the meantime.
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  /**
   * Returns the way to a subfolder of the current folder; `undefined` if it must not be entered.
   */
  enter(way: LinkedWay, name: string): LinkedWay | undefined {
    const folder = joinPath(way.folder, name);
    return isOn(way, folder) || this.#patterns.excludes(folder) ? undefined : { ...way, folder };
  }

  /**
   * Returns true if an entry is excluded by its path without links, as a task's own outputs are.
   */
  excludes(way: LinkedWay | undefined, name: string): boolean {
    return way !== undefined && this.#patterns.excludes(joinPath(way.folder, name));
  }
}

/**
 * Returns true if a link leads to a folder.
 *
 * @throws the system's error if the target cannot be read
 */
export function leadsToFolder(link: string): boolean {
  return fileKind(link) === "folder";
}

/** Returns true if a link leads to a folder, or if its target cannot be read. */
export function mayLeadToFolder(link: string): boolean {
  try {
    return leadsToFolder(link);
  } catch (error) {
    if (isSystemError(error)) return true;
    throw error;
  }
}

/** Returns true if a folder, given without links, is one of those on a way. */
function isOn(way: LinkedWay, folder: string): boolean {
  for (let part: LinkedWay | undefined = way; part !== undefined; part = part.before) {
    const isBelowTop = pathInside(part.top, folder) !== undefined;
    if (isBelowTop && pathInside(folder, part.folder) !== undefined) return true;
  }
  return false;
}
