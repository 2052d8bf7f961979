/**
 * Matches paths against globs of Turborepo and Wireit, each by the rules of its own documentation.
 *
 * A glob without wildcards selects a file, or a folder with everything in it. So does a glob that
 * matches a folder. With Turborepo, a `*` at the end means only the files of one folder.
 *
 * @module
 */

import { baseName, joinPath, pathInside } from "../../system/files/files.ts";
import type { Dialect, FilePatterns, GlobGroup } from "./file_patterns.ts";
import { GitIgnore } from "./git_ignore.ts";
import { compileGlob, expandBraces, type GlobSegment, hasWildcard, matchGlob } from "./glob.ts";
import type { PatternUse } from "./patterns.ts";

/** Folders that a dialect never selects files in. */
const SKIPPED: Readonly<Record<Dialect, ReadonlySet<string>>> = {
  turbo: new Set([".git", "node_modules", ".simmer", ".turbo"]),
  wireit: new Set([
    ".git",
    ".hg",
    ".svn",
    ".wireit",
    ".yarn",
    "CVS",
    "node_modules",
    ".simmer",
  ]),
};

/** Folders that are skipped even if a group has all folders. */
const ALWAYS_SKIPPED: ReadonlySet<string> = new Set([".simmer"]);

interface GlobEntry {
  readonly isNegated: boolean;
  /** The leading folders of the glob that have no wildcards; the whole path if it has none. */
  readonly base: string;
  /** Absent: the base is the whole path. */
  readonly segments?: readonly GlobSegment[];
  /** True if a folder that matches is selected with its contents. */
  readonly hasContents: boolean;
  /** Skipped folders that the entry names. */
  readonly names: ReadonlySet<string>;
}

/** The globs of one group. */
export class GlobPatterns implements FilePatterns {
  readonly folder: string;
  readonly followsLinks: boolean;
  readonly #top: string;
  readonly #group: GlobGroup;
  readonly #entries: readonly GlobEntry[];
  readonly #git: GitIgnore | undefined;
  readonly #skipped: ReadonlySet<string>;

  /**
   * @param folder absolute; reported paths are relative to it
   * @param use outputs are never found through links
   */
  constructor(folder: string, group: GlobGroup, use: PatternUse = "files") {
    this.folder = folder;
    this.followsLinks = use === "files";
    this.#group = group;
    this.#top = joinPath(folder, group.from ?? ".");
    this.#entries = group.entries.flatMap((text) => parseEntry(this.#top, text, group.dialect));
    this.#git = group.hasUnignored === true ? new GitIgnore(this.#top) : undefined;
    this.#skipped = group.hasAllFolders === true ? ALWAYS_SKIPPED : SKIPPED[group.dialect];
  }

  get bases(): readonly string[] {
    const own = this.#entries.filter(({ isNegated }) => !isNegated).map(({ base }) => base);
    return this.#git === undefined ? own : [...own, this.#top, ...this.#git.filesAbove];
  }

  matches(path: string): boolean {
    if (this.#isIncluded(path)) return true;
    const inside = pathInside(this.#top, path);
    return this.#git !== undefined && inside !== undefined &&
      !inside.split("/").some((part) => this.#skipped.has(part)) &&
      !this.#git.ignores(path, "file") && !this.#isExcluded(path, this.#entries.length);
  }

  excludes(path: string): boolean {
    return this.#isExcluded(path, 0);
  }

  reachesInto(folder: string): boolean {
    const canHold = this.#entries.some((entry, at) =>
      !entry.isNegated && canMatchIn(entry, folder) && !this.#isExcluded(folder, at)
    );
    if (canHold) return true;
    return this.#git !== undefined && pathInside(this.#top, folder) !== undefined &&
      (folder === this.#top || !this.#git.ignores(folder, "folder")) &&
      !this.#isExcluded(folder, this.#entries.length);
  }

  passesOver(folder: string): boolean {
    const name = baseName(folder);
    if (!this.#skipped.has(name)) return false;
    if (name === ".simmer" || this.#group.dialect === "wireit") return true;
    return !this.#entries.some((entry) =>
      !entry.isNegated && entry.names.has(name) && canMatchIn(entry, folder)
    );
  }

  refresh(): void {
    this.#git?.refresh();
  }

  steers(path: string): boolean {
    return this.#git?.reads(path) ?? false;
  }

  /** Returns true if an entry selects a path and no later one, or none at all, excludes it. */
  #isIncluded(path: string): boolean {
    return this.#entries.some((entry, at) =>
      !entry.isNegated && isMatch(entry, path) && !this.#isExcluded(path, at)
    );
  }

  /**
   * Returns true if an entry excludes a path. With Wireit the order counts: an exclusion concerns
   * only the entries before it.
   */
  #isExcluded(path: string, from: number): boolean {
    const first = this.#group.dialect === "wireit" ? from : 0;
    const isAfter = (at: number): boolean => first >= this.#entries.length || at >= first;
    return this.#entries.some((entry, at) =>
      entry.isNegated && isAfter(at) && isMatch(entry, path) &&
      // A folder is only left out as a whole if no later entry selects something in it.
      !(first === 0 && this.#group.dialect === "wireit" && this.#isSelectedAgain(path, at))
    );
  }

  #isSelectedAgain(path: string, from: number): boolean {
    return this.#entries.some((entry, at) =>
      at > from && !entry.isNegated && (isMatch(entry, path) || canMatchIn(entry, path))
    );
  }
}

function parseEntry(top: string, text: string, dialect: Dialect): GlobEntry[] {
  const isNegated = text.startsWith("!");
  return expandBraces(isNegated ? text.slice(1) : text).map((glob) => {
    const parts = glob.split("/").filter((part) => part !== "" && part !== ".");
    const first = parts.findIndex(hasWildcard);
    const plain = (first < 0 ? parts : parts.slice(0, first)).map(unescaped);
    const names = new Set(parts);
    const base = joinPath(top, ...(plain.length === 0 ? ["."] : plain));
    if (first < 0) return { isNegated, base, hasContents: true, names };
    const rest = parts.slice(first);
    const hasContents = isNegated || dialect === "wireit" || rest.at(-1) !== "*";
    return { isNegated, base, segments: compileGlob(rest), hasContents, names };
  });
}

function unescaped(part: string): string {
  return part.replaceAll(/\\(.)/g, "$1");
}

function isMatch({ base, segments, hasContents }: GlobEntry, path: string): boolean {
  const inside = pathInside(base, path);
  if (inside === undefined) return false;
  if (segments === undefined) return true;
  if (inside === "") return false;
  const parts = inside.split("/");
  if (matchGlob(segments, parts)) return true;
  return hasContents && parts.some((_, at) => at > 0 && matchGlob(segments, parts.slice(0, at)));
}

function canMatchIn(entry: GlobEntry, folder: string): boolean {
  const inside = pathInside(entry.base, folder);
  if (inside === undefined) return false;
  if (entry.segments === undefined || inside === "") return true;
  return matchGlob(entry.segments, inside.split("/"), "start") ||
    (entry.hasContents && isMatch(entry, folder));
}
