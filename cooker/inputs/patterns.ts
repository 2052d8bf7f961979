/**
 * `files` and `output` of a task: which paths they mean, as `deno task` reads them.
 *
 * An entry with `*` or `?` is a wildcard pattern; any other one is a path and means what is there
 * and everything below it. A leading `!` takes away, whatever comes before or after. Wildcards
 * disregard case, do not match a leading dot, and `**` stands for any number of folders.
 *
 * @module
 */

import { baseName, joinPath, parentFolder, pathInside } from "../../system/files/files.ts";

/** What a list of entries is for. */
export type PatternUse = "files" | "output";

/** Folders that a walk passes over, unless an entry names them. */
const PASSED_OVER: ReadonlySet<string> = new Set([".git", "node_modules", ".simmer"]);

/** One entry, ready to be matched against absolute paths. */
interface Entry {
  /** Which of the folders in `PASSED_OVER` the entry names, in lower case. */
  readonly names: ReadonlySet<string>;
  /** Where looking for it begins: the path itself, or a pattern's folders without wildcards. */
  readonly base: string;
  /** What has to follow below the base; absent: anything, and the base itself. */
  readonly segments?: readonly Segment[];
}

/** A part of a pattern between slashes; `undefined` stands for `**`. */
type Segment = Matcher | undefined;

/** Says whether a name is meant. */
interface Matcher {
  test(name: string): boolean;
}

/** The entries of one list. */
export class PathPatterns {
  /** The folder that the entries are relative to. */
  readonly folder: string;
  readonly #use: PatternUse;
  readonly #included: readonly Entry[];
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
    this.#excluded = excluded;
  }

  /**
   * Reads a list of entries.
   *
   * @param folder absolute
   * @param use decides which folders a walk passes over
   * @returns `undefined` where one of the wildcards is no valid pattern, as in `a**`
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
   * Whether a walk goes on behind links to folders. Behind those among outputs are files that belong
   * to somebody else.
   */
  get followsLinks(): boolean {
    return this.#use === "files";
  }

  /** Where looking for files begins, absolute; some may be inside others. */
  get bases(): readonly string[] {
    return this.#included.map((entry) => entry.base);
  }

  /** Whether a file at an absolute path is meant. */
  matches(path: string): boolean {
    return this.#included.some((entry) => isMatch(entry, path)) && !this.excludes(path);
  }

  /** Whether a path, or a folder with all that is in it, is taken away. */
  excludes(path: string): boolean {
    return this.#excluded.some((entry) => isMatch(entry, path));
  }

  /** Whether anything in a folder can be meant. */
  reachesInto(folder: string): boolean {
    return !this.excludes(folder) && this.#included.some((entry) => canMatchIn(entry, folder));
  }

  /**
   * Whether a walk passes over a folder although entries reach into it.
   *
   * Inputs: `.git`, `node_modules` and `.simmer`, unless an entry names them. Outputs: only
   * `.simmer`, because a task's output may hold a `node_modules` or a repository. In the task's own
   * folder, both belong to the project, and an output entry has to name them.
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

/** The names among an entry's parts that a walk would pass over otherwise. */
function passedOverNames(text: string): ReadonlySet<string> {
  return new Set(text.toLowerCase().split(/[/\\]/).filter((part) => PASSED_OVER.has(part)));
}

function parseEntry(folder: string, text: string): Entry | undefined {
  const names = passedOverNames(text);
  if (!/[*?]/.test(text)) {
    return { names, base: joinPath(folder, text.replace(/^file:\/\//, "")) };
  }
  const written = text.replaceAll("\\", "/");
  // Empty parts and `.` change nothing: "src//*.ts" and "./src/./*.ts" are "src/*.ts".
  const parts = written.split("/").filter((part) => part !== "" && part !== ".");
  const first = parts.findIndex((part) => /[*?]/.test(part));
  const segments: Segment[] = [];
  for (const part of parts.slice(first)) {
    if (part === "**") {
      // Several in a row mean what one means, and would be tried in every combination.
      if (segments.length === 0 || segments.at(-1) !== undefined) segments.push(undefined);
    } else if (part.includes("**")) return undefined;
    else segments.push(segmentPattern(part));
  }
  // The base is written as it is, so that `..` in a pattern never matches anything.
  const start = written.startsWith("/") ? "" : folder.replace(/\/$/, "");
  const base = [start, ...parts.slice(0, first)].join("/");
  return { names, base: base === "" ? "/" : base, segments };
}

/** Stars with which a regular expression is still quick, whatever the name: it is the faster one. */
const FEW_STARS = 2;

function segmentPattern(part: string): Matcher {
  const pieces = part.match(/\*+|\?|[^*?]+/g) ?? [];
  const hidesDots = /^[*?]/.test(part);
  if (pieces.filter((piece) => piece.startsWith("*")).length > FEW_STARS) {
    const pattern = [...part.replaceAll(/\*+/g, "*").toLowerCase()];
    return {
      test: (text) =>
        !(hidesDots && text.startsWith(".")) && matchesStars(pattern, [...text.toLowerCase()]),
    };
  }
  const source = pieces
    .map((piece) => piece.startsWith("*") ? "[^/]*" : piece === "?" ? "[^/]" : RegExp.escape(piece))
    .join("");
  return new RegExp(`^${hidesDots ? "(?!\\.)" : ""}${source}$`, "isu");
}

/** In a time that grows with the product of both lengths, at the most. */
function matchesStars(pattern: readonly string[], text: readonly string[]): boolean {
  let at = 0;
  /** The last star, and where the text goes on behind what it stands for. */
  let [star, from] = [-1, 0];
  for (let index = 0; index < text.length;) {
    const piece = pattern[at];
    if (piece === "*") {
      star = at++;
      from = index;
    } else if (piece !== undefined && (piece === "?" || piece === text[index])) {
      at++;
      index++;
    } else if (star >= 0) {
      // The last star takes one character more; what earlier ones take does not matter any more.
      at = star + 1;
      index = ++from;
    } else {
      return false;
    }
  }
  while (pattern[at] === "*") at++;
  return at === pattern.length;
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

/** @param isPrefix whether it is enough that a longer path could match */
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
