/**
 * Decides which files git ignores, by the `.gitignore` files of the repository and by
 * `.git/info/exclude`.
 *
 * The index is not read, so a file that git tracks although it is ignored counts as ignored.
 *
 * @module
 */

import { NotReadableError, readBoundedText } from "../../system/files/bounded_text.ts";
import {
  baseName,
  isSystemError,
  joinPath,
  parentFolder,
  pathInside,
  visibleKind,
} from "../../system/files/files.ts";
import { compileGlob, type GlobSegment, matchGlob } from "./glob.ts";

/** Size up to which a `.gitignore` is read, in bytes. */
const MAX_BYTES = 1024 ** 2;

interface Rule {
  readonly isNegated: boolean;
  readonly isForFolders: boolean;
  readonly segments: readonly GlobSegment[];
}

/** The ignore rules that apply in one folder and below. */
export class GitIgnore {
  /** The top folder of the repository; the folder itself if it is in none. */
  readonly #repository: string;
  readonly #folder: string;
  readonly #rules = new Map<string, readonly Rule[]>();
  readonly #ignored = new Map<string, boolean>();

  /** @param folder absolute */
  constructor(folder: string) {
    this.#folder = folder;
    this.#repository = repositoryOf(folder) ?? folder;
  }

  /** The ignore files outside of the folder that apply in it, even if they do not exist. */
  get filesAbove(): readonly string[] {
    const files = [joinPath(this.#repository, ".git/info/exclude")];
    for (let up = this.#folder; up !== this.#repository;) {
      up = parentFolder(up);
      files.push(joinPath(up, ".gitignore"));
    }
    return files;
  }

  /** Forgets the rules, so that the ignore files are read again. */
  refresh(): void {
    this.#rules.clear();
    this.#ignored.clear();
  }

  /** Returns true if a file is an ignore file that may apply in the folder. */
  reads(path: string): boolean {
    return (baseName(path) === ".gitignore" && pathInside(this.#repository, path) !== undefined) ||
      path === joinPath(this.#repository, ".git/info/exclude");
  }

  /**
   * Returns true if git ignores a path, or a folder that contains it.
   *
   * @param path absolute, in the folder
   */
  ignores(path: string, kind: "file" | "folder"): boolean {
    const parent = parentFolder(path);
    if (path === this.#repository || pathInside(this.#repository, path) === undefined) return false;
    if (parent !== this.#repository && this.#ignoresFolder(parent)) return true;
    return this.#isRuledOut(path, kind);
  }

  #ignoresFolder(folder: string): boolean {
    const known = this.#ignored.get(folder);
    if (known !== undefined) return known;
    const is = this.ignores(folder, "folder");
    this.#ignored.set(folder, is);
    return is;
  }

  /** The last rule that matches decides. Rules of deeper folders come after those above. */
  #isRuledOut(path: string, kind: "file" | "folder"): boolean {
    for (let folder = parentFolder(path);; folder = parentFolder(folder)) {
      const parts = pathInside(folder, path)?.split("/") ?? [];
      const rule = this.#rulesOf(folder).findLast((each) =>
        (!each.isForFolders || kind === "folder") && matchGlob(each.segments, parts)
      );
      if (rule !== undefined) return !rule.isNegated;
      if (folder === this.#repository || folder === "/") return false;
    }
  }

  #rulesOf(folder: string): readonly Rule[] {
    const known = this.#rules.get(folder);
    if (known !== undefined) return known;
    const own = readRules(joinPath(folder, ".gitignore"));
    const rules = folder === this.#repository
      ? [...readRules(joinPath(folder, ".git/info/exclude")), ...own]
      : own;
    this.#rules.set(folder, rules);
    return rules;
  }
}

function repositoryOf(folder: string): string | undefined {
  for (let up = folder;; up = parentFolder(up)) {
    if (visibleKind(joinPath(up, ".git")) !== undefined) return up;
    if (up === "/") return undefined;
  }
}

function readRules(file: string): Rule[] {
  try {
    return parseIgnore(readBoundedText(file, MAX_BYTES) ?? "");
  } catch (error) {
    // An ignore file that cannot be read ignores nothing, so that more files are inputs.
    if (error instanceof NotReadableError || isSystemError(error)) return [];
    throw error;
  }
}

/** Parses the lines of a `.gitignore`. */
function parseIgnore(text: string): Rule[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const pattern = line.replace(/(?<!\\)[ \t]+$/, "");
    if (pattern === "" || pattern.startsWith("#")) return [];
    const isNegated = pattern.startsWith("!");
    const whole = isNegated ? pattern.slice(1) : pattern;
    const isForFolders = whole.endsWith("/");
    const parts = whole.split("/").filter((part) => part !== "");
    if (parts.length === 0) return [];
    // Without a slash before its end, a pattern matches at any depth.
    const isAnchored = whole.replace(/\/$/, "").includes("/");
    const segments = compileGlob(isAnchored ? parts : ["**", ...parts]);
    return [{ isNegated, isForFolders, segments }];
  });
}
