/**
 * Finds the members of a Deno workspace that the sources of another member import. Deno lets members
 * import each other by name without an entry in `imports`.
 *
 * The search is bounded in files and bytes. It reads only files whose contents have changed since
 * the last search, and only for packages about whose imports a run asks.
 *
 * @module
 */

import { folderEntries } from "../../system/files/file_signature.ts";
import { joinPath, parentFolder } from "../../system/files/files.ts";
import { NotReadableError, readBoundedText } from "../../system/files/bounded_text.ts";
import type { FileSet } from "../inputs/file_set.ts";
import type { Snapshot } from "../inputs/snapshot.ts";
import type { Dependency } from "../validity.ts";

/** Maximum number of source files of a member. The imports of a larger one have to be declared. */
const MAX_FILES = 5000;

/** Maximum size of a source file, in bytes. Larger ones are bundles. */
const MAX_BYTES = 1024 ** 2;

const EXTENSIONS = ["ts", "tsx", "mts", "cts", "js", "jsx", "mjs", "cjs"] as const;
const IS_SOURCE = new RegExp(`\\.(?:${EXTENSIONS.join("|")})$`, "i");

/** Matches specifiers in `import`, `export … from` and `import.meta.resolve`. */
const SPECIFIER = /(?:\bfrom|\bimport|\bresolve)\s*\(?\s*(["'])([^"'\n\\]+)\1/g;

/** A member whose sources are searched. */
interface SourceFolder {
  /** Absolute. */
  readonly folder: string;
  /** Folders in it whose files are not its own, absolute. */
  readonly nested: readonly string[];
}

/** Result of the last search of a member. */
interface Searched {
  readonly set: FileSet;
  readonly snapshot: Snapshot;
  /** Packages' names, and absolute paths outside of the folder. */
  readonly names: readonly string[];
  /** Names by the file's path relative to the folder, with the content that they were found in. */
  readonly files: ReadonlyMap<string, FoundIn>;
}

interface FoundIn {
  readonly content: string;
  readonly names: readonly string[];
}

/** Parts of the cooker that searches use. */
interface SourceAccess {
  /** Returns the set of files that entries relative to a folder match. */
  readonly setOf: (folder: string, entries: readonly string[]) => FileSet | undefined;
  /** Reports that the sources of a member are not searched. */
  readonly note: (text: string) => void;
}

/** Searches the sources of a workspace's members, and keeps what was found. */
export class SourceImports {
  readonly #access: SourceAccess;
  readonly #searched = new Map<string, Searched>();
  readonly #tooLarge = new Set<string>();

  constructor(access: SourceAccess) {
    this.#access = access;
  }

  /**
   * Returns what the sources of a member import: names of packages, and absolute paths of files
   * outside of the member.
   */
  of(member: SourceFolder): readonly string[] {
    const { folder } = member;
    const known = this.#searched.get(folder);
    if (known?.set.isSettledAs(known.snapshot) === true) return known.names;
    const set = this.#setOf(member);
    if (set === undefined || (!set.isSettled && this.#isTooLarge(member))) {
      this.#searched.delete(folder);
      return [];
    }
    const snapshot = set.snapshot();
    const files = new Map<string, FoundIn>();
    for (const [path, content] of snapshot.entries()) {
      const before = known?.files.get(path);
      const names = before?.content === content ? before.names : namesIn(folder, path);
      files.set(path, { content, names });
    }
    const names = [...new Set([...files.values()].flatMap((file) => file.names))].sort();
    this.#searched.set(folder, { set, snapshot, names, files });
    return names;
  }

  /** True if every result is still valid. */
  get isCurrent(): boolean {
    for (const { set, snapshot } of this.#searched.values()) {
      if (!set.isSettledAs(snapshot)) return false;
    }
    return true;
  }

  /** Returns what the results depend on. */
  dependencies(): readonly Dependency[] {
    return [...this.#searched.values()].map(({ set, snapshot }) => ({
      on: "files",
      set,
      snapshot,
    }));
  }

  #setOf({ folder, nested }: SourceFolder): FileSet | undefined {
    return this.#access.setOf(folder, [
      ...EXTENSIONS.map((each) => `**/*.${each}`),
      ...nested.map((each) => `!${each.replaceAll("*", "?")}`),
    ]);
  }

  #isTooLarge(member: SourceFolder): boolean {
    const { folder } = member;
    if (countSources(member) <= MAX_FILES) {
      this.#tooLarge.delete(folder);
      return false;
    }
    if (!this.#tooLarge.has(folder)) {
      this.#tooLarge.add(folder);
      this.#access.note(
        `Imports of ${folder} are not searched for: it has more than ${MAX_FILES} source files. ` +
          `Name the members that it imports in "imports" of its deno.json`,
      );
    }
    return true;
  }
}

/** Counts the source files of a member, up to one more than the maximum. */
function countSources({ folder, nested }: SourceFolder): number {
  const skipped = new Set(nested);
  const open = [folder];
  let count = 0;
  for (let next = open.pop(); next !== undefined && count <= MAX_FILES; next = open.pop()) {
    for (const { name, kind } of folderEntries(next) ?? []) {
      if (name.startsWith(".") || name === "node_modules") continue;
      const path = joinPath(next, name);
      if (kind === "folder" && !skipped.has(path)) open.push(path);
      else if (kind === "file" && IS_SOURCE.test(name)) count++;
    }
  }
  return count;
}

/** Returns what a file imports from outside of its folder. */
function namesIn(folder: string, path: string): readonly string[] {
  const file = joinPath(folder, path);
  const names = new Set<string>();
  const text = textOf(file);
  for (const { index, 2: specifier = "" } of text.matchAll(SPECIFIER)) {
    const name = nameOf(specifier, file);
    if (name === undefined || name === folder || name.startsWith(`${folder}/`)) continue;
    if (!isInComment(text, index)) names.add(name);
  }
  return [...names];
}

function textOf(file: string): string {
  try {
    return readBoundedText(file, MAX_BYTES) ?? "";
  } catch (error) {
    // A file that cannot be read imports nothing.
    if (error instanceof NotReadableError) return "";
    throw error;
  }
}

/** Returns true if a line begins as one of a comment does, as examples in documentation do. */
function isInComment(text: string, index: number): boolean {
  const line = text.slice(text.lastIndexOf("\n", index) + 1, index).trimStart();
  return line.startsWith("*") || line.startsWith("//");
}

/**
 * Returns the package that a specifier names, or the absolute path that it leads to. Returns
 * `undefined` for other specifiers, such as `node:fs`.
 */
function nameOf(specifier: string, file: string): string | undefined {
  if (specifier.startsWith("./") || specifier.startsWith("../")) {
    return joinPath(parentFolder(file), specifier);
  }
  return /^(?:(?:jsr|npm):\/?)?(@[^/@]+\/[^/@]+|[^/@:]+)(?:[/@]|$)/.exec(specifier)?.[1];
}
