/**
 * Words that stand for files.
 *
 * @module
 */

import { fileKind } from "../../../system/files/files.ts";
import type { OrdinaryPaths } from "../../../system/files/ordinary_paths.ts";
import { folderEntries } from "../../../system/files/small_files.ts";
import type { Word } from "./line.ts";

/** A pattern whose last part alone has wildcards, below the working directory. */
const PATTERN = /^((?:[A-Za-z0-9_@%+:,-][A-Za-z0-9_.@%+:,-]*\/)*)([^\/]+)$/;

/** Names of which any two agree about which comes first. */
const ASCII = /^[\x20-\x7e]+$/;

/**
 * The words that the shell puts in the place of some.
 *
 * @returns `undefined` where the shell has to look itself
 * @throws {Error} what the system says of a folder
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

/** The shell takes capital letters for small ones. */
function matcherOf(pattern: string): RegExp {
  const source = pattern.replace(/[.+\\]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".");
  return new RegExp(`^${source}$`, "i");
}
