/**
 * Expands the words of a command line that are patterns for files, as the shell does.
 *
 * @module
 */

import { fileKind } from "../../../system/files/files.ts";
import type { OrdinaryPaths } from "../../../system/files/ordinary_paths.ts";
import { folderEntries } from "../../../system/files/small_files.ts";
import type { Word } from "./line.ts";

/** A pattern below the working directory that has wildcards only in its last component. */
const PATTERN = /^((?:[A-Za-z0-9_@%+:,-][A-Za-z0-9_.@%+:,-]*\/)*)([^\/]+)$/;

/** Names that every implementation sorts in the same order. */
const ASCII = /^[\x20-\x7e]+$/;

/**
 * Replaces patterns by the files that they match.
 *
 * @returns `undefined` if the shell has to expand the words itself
 * @throws {Error} the system's error if a folder cannot be read
 */
export function expandWords(words: readonly Word[], paths: OrdinaryPaths): string[] | undefined {
  const expanded: string[] = [];
  for (const { text, isPattern } of words) {
    const found = isPattern ? expandPattern(text, paths) : [text];
    if (found === undefined) return undefined;
    expanded.push(...found);
  }
  return expanded;
}

function expandPattern(pattern: string, paths: OrdinaryPaths): string[] | undefined {
  const [, folder = "", last = ""] = PATTERN.exec(pattern) ?? [];
  if (last === "" || last.includes("**")) return undefined;
  const path = paths.resolve(folder);
  if (path === undefined || fileKind(path) !== "folder") return undefined;
  const matcher = matcherOf(last);
  const entries = folderEntries(path);
  if (!entries.every(({ name }) => ASCII.test(name))) return undefined;
  const found = entries.filter(({ name }) => !name.startsWith(".") && matcher.test(name));
  if (found.length === 0 || found.some(({ isLink }) => isLink)) return undefined;
  return found.map(({ name }) => `${folder}${name}`).sort();
}

/** Returns a matcher for names. It ignores case, as the shell does. */
function matcherOf(pattern: string): RegExp {
  const source = pattern.replace(/[.+\\]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".");
  return new RegExp(`^${source}$`, "i");
}
