/**
 * Matches paths against the patterns in a task's `files` and `output`, as `deno task` reads them.
 *
 * An entry with `*` or `?` is a wildcard pattern. Any other entry is a path and matches the file or
 * folder there and everything below it. An entry with a leading `!` excludes paths, whatever its
 * position in the list. Wildcards ignore case and do not match a leading dot, and `**` stands for
 * any number of folders.
 *
 * @module
 */

import { baseName, joinPath, parentFolder, pathInside } from "../../system/files/files.ts";
import { matchPieces, type Piece } from "./pieces.ts";

/** Purpose of a list of entries. */
export type PatternUse = "files" | "output";

/** Folders that a walk skips, unless an entry names them. */
const PASSED_OVER: ReadonlySet<string> = new Set([".git", "node_modules", ".simmer"]);

/** One entry, parsed for matching against absolute paths. */
interface Entry {
  /** Folders in `PASSED_OVER` that the entry names, in lower case. */
  readonly names: ReadonlySet<string>;
  /**
   * The path at which a walk begins: the entry's path, or the leading folders of a pattern that
   * have no wildcards.
   */
  readonly base: string;
  /**
   * The pattern for the part below the base. If absent, anything matches, including the base
   * itself.
   */
  readonly segments?: readonly Segment[];
}

/** A component of a pattern; `undefined` stands for `**`. */
type Segment = Matcher | undefined;

/** Matches the name of a file or folder. */
interface Matcher {
  test(name: string): boolean;
}

/** The entries of one list. */
export class PathPatterns {
  /** The folder to which the entries are relative. */
  readonly folder: string;
  readonly #use: PatternUse;
  readonly #included: readonly Entry[];
  /** The paths of the included entries without wildcards. There may be thousands. */
  readonly #paths: ReadonlySet<string>;
  /** The included entries with wildcards. */
  readonly #wildcards: readonly Entry[];
  readonly #excluded: readonly Entry[];

  private constructor(
    folder: string,
    use: PatternUse,
    included: readonly Entry[],
    excluded: readonly Entry[],
  ) {
    this.folder = folder;
    this.#use = use;
    this.#included = included;
    this.#wildcards = included.filter(({ segments }) => segments !== undefined);
    this.#paths = new Set(
      included.flatMap(({ base, segments }) => segments === undefined ? [base] : []),
    );
    this.#excluded = excluded;
  }

  /**
   * Parses a list of entries.
   *
   * @param folder absolute
   * @param use decides which folders a walk skips
   * @returns `undefined` if a wildcard pattern is invalid, as `a**` is
   *
   * @example
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { PathPatterns } from "./patterns.ts";
   *
   * const patterns = PathPatterns.parse("/p", ["src/**\/*.ts", "!src/generated"]);
   * const paths = ["/p/src/a.ts", "/p/src/x/y/b.TS", "/p/src/.c.ts", "/p/src/generated/d.ts"];
   * assertEquals(paths.map((path) => patterns?.matches(path)), [true, true, false, false]);
   * ```
   */
  static parse(
    folder: string,
    entries: readonly string[],
    use: PatternUse = "files",
  ): PathPatterns | undefined {
    const included: Entry[] = [];
    const excluded: Entry[] = [];
    for (const text of entries) {
      if (/^(?:https?:\/\/|npm:|jsr:)/.test(text)) continue;
      const isNegated = text.startsWith("!");
      const entry = parseEntry(folder, isNegated ? text.slice(1) : text);
      if (entry === undefined) return undefined;
      (isNegated ? excluded : included).push(entry);
    }
    return new PathPatterns(folder, use, included, excluded);
  }

  /**
   * True if a walk follows links to folders. Links among outputs are not followed, because the
   * files behind them are not the task's own.
   */
  get followsLinks(): boolean {
    return this.#use === "files";
  }

  /** The paths at which a walk begins, absolute. Some may be inside others. */
  get bases(): readonly string[] {
    return this.#included.map((entry) => entry.base);
  }

  /** Returns true if the entries match a file at an absolute path. */
  matches(path: string): boolean {
    return (this.#isAtPath(path) || this.#wildcards.some((entry) => isMatch(entry, path))) &&
      !this.excludes(path);
  }

  /** Returns true if an entry without wildcards names a path or a folder above it. */
  #isAtPath(path: string): boolean {
    if (this.#paths.size === 0) return false;
    for (let end = path.length; end > 0; end = path.lastIndexOf("/", end - 1)) {
      if (this.#paths.has(path.slice(0, end))) return true;
    }
    return this.#paths.has("/");
  }

  /** Returns true if a path, or a folder with everything in it, is excluded. */
  excludes(path: string): boolean {
    return this.#excluded.some((entry) => isMatch(entry, path));
  }

  /** Returns true if the entries may match anything in a folder. */
  reachesInto(folder: string): boolean {
    return !this.excludes(folder) &&
      (this.#isAtPath(folder) || this.#wildcards.some((entry) => canMatchIn(entry, folder)));
  }

  /**
   * Returns true if a walk skips a folder although entries match paths in it.
   *
   * For inputs, these are `.git`, `node_modules` and `.simmer`, unless an entry names them. For
   * outputs, it is only `.simmer`, because a task's output may contain a `node_modules` or a
   * repository. Directly in the task's own folder, both belong to the project, so an output entry
   * has to name them.
   *
   * @param folder absolute
   */
  passesOver(folder: string): boolean {
    const name = baseName(folder).toLowerCase();
    if (!PASSED_OVER.has(name)) return false;
    if (this.#use === "output") {
      if (name === ".simmer") return true;
      if (parentFolder(folder) !== this.folder) return false;
    }
    return !this.#included.some((entry) => entry.names.has(name) && canMatchIn(entry, folder));
  }
}

/** Returns the names in an entry that a walk would skip otherwise. */
function passedOverNames(text: string): ReadonlySet<string> {
  return new Set(text.toLowerCase().split(/[/\\]/).filter((part) => PASSED_OVER.has(part)));
}

function parseEntry(folder: string, text: string): Entry | undefined {
  const names = passedOverNames(text);
  if (!/[*?]/.test(text)) {
    return { names, base: joinPath(folder, text.replace(/^file:\/\//, "")) };
  }
  const written = text.replaceAll("\\", "/");
  // Empty components and `.` change nothing: "src//*.ts" and "./src/./*.ts" are "src/*.ts".
  const parts = written.split("/").filter((part) => part !== "" && part !== ".");
  const first = parts.findIndex((part) => /[*?]/.test(part));
  const segments: Segment[] = [];
  for (const part of parts.slice(first)) {
    if (part === "**") {
      // Several `**` in a row match the same as one, and would be tried in every combination.
      if (segments.length === 0 || segments.at(-1) !== undefined) segments.push(undefined);
    } else if (part.includes("**")) return undefined;
    else segments.push(segmentPattern(part));
  }
  // The base keeps `..` as it is written, so that `..` in a pattern never matches anything.
  const start = written.startsWith("/") ? "" : folder.replace(/\/$/, "");
  const base = [start, ...parts.slice(0, first)].join("/");
  return { names, base: base === "" ? "/" : base, segments };
}

/**
 * Maximum number of stars for which a regular expression is used. It is the faster matcher, but
 * with more stars it can become slow for some names.
 */
const FEW_STARS = 2;

function pieceOf(character: string): Piece {
  if (character === "*") return "star";
  return character === "?" ? () => true : (other) => other === character;
}

function segmentPattern(part: string): Matcher {
  const pieces = part.match(/\*+|\?|[^*?]+/g) ?? [];
  const hidesDots = /^[*?]/.test(part);
  if (pieces.filter((piece) => piece.startsWith("*")).length > FEW_STARS) {
    const pattern = [...part.replaceAll(/\*+/g, "*").toLowerCase()].map(pieceOf);
    return {
      test: (text) =>
        !(hidesDots && text.startsWith(".")) && matchPieces(pattern, [...text.toLowerCase()]),
    };
  }
  const source = pieces
    .map((piece) => piece.startsWith("*") ? "[^/]*" : piece === "?" ? "[^/]" : RegExp.escape(piece))
    .join("");
  return new RegExp(`^${hidesDots ? "(?!\\.)" : ""}${source}$`, "isu");
}

function isMatch(entry: Entry, path: string): boolean {
  const inside = pathInside(entry.base, path);
  if (inside === undefined) return false;
  if (entry.segments === undefined) return true;
  return inside !== "" && matchParts(entry.segments, inside.split("/"), false);
}

function canMatchIn(entry: Entry, folder: string): boolean {
  const inside = pathInside(entry.base, folder);
  if (inside === undefined) return false;
  if (entry.segments === undefined || inside === "") return true;
  return matchParts(entry.segments, inside.split("/"), true);
}

/** @param isPrefix true if it is enough that a longer path could match */
function matchParts(
  segments: readonly Segment[],
  parts: readonly string[],
  isPrefix: boolean,
  at = 0,
  from = 0,
): boolean {
  for (let index = at, part = from;; index++, part++) {
    if (index === segments.length) return !isPrefix && part === parts.length;
    const segment = segments[index];
    const text = parts[part];
    if (segment === undefined) {
      if (index === segments.length - 1) {
        return parts.slice(part).every((each) => !each.startsWith(".")) &&
          (isPrefix || part < parts.length);
      }
      for (let skip = part;; skip++) {
        if (matchParts(segments, parts, isPrefix, index + 1, skip)) return true;
        if (parts[skip] === undefined) return isPrefix;
        if (parts[skip]?.startsWith(".")) return false;
      }
    }
    if (text === undefined) return isPrefix;
    if (!segment.test(text)) return false;
  }
}
