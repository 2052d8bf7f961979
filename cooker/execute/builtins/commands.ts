/**
 * Built-in commands of the shell (`echo`, `cat`, `rm` and `cp`), executed inside this process if
 * they are certain to succeed. Real projects hardly use the other ones (see docs/performance.md).
 *
 * A command that would block the event loop for too long, or that would report a problem, is left
 * to the shell before any part of it is executed. The messages and the exit code are then the
 * shell's own.
 *
 * @module
 */

import { concat } from "@std/bytes/concat";
import type { OrdinaryPaths } from "../../../system/files/ordinary_paths.ts";
import { baseName, fileKind, removeTree } from "../../../system/files/files.ts";
import {
  copyFile,
  type FileFacts,
  fileFacts,
  holdsAtMost,
  readBytes,
} from "../../../system/files/small_files.ts";

/** Maximum bytes that are read or copied. More would block the event loop for too long. */
const MOST_BYTES = 1024 * 1024;

/**
 * Maximum number of files and folders that are removed from one folder. More would block the event
 * loop for too long.
 */
const MOST_REMOVED = 256;

/** Arguments and context of a command. */
interface DirectCall {
  readonly args: readonly string[];
  /** Resolves operands. Paths that mean something else in each process are left to the shell. */
  readonly paths: OrdinaryPaths;
  /** The file that stdout is redirected to, if it exists. */
  readonly target?: FileFacts;
}

/** A built-in command. */
interface DirectCommand {
  /**
   * Executes the command.
   *
   * @returns the command's output, or `undefined` if the shell has to execute the command
   * @throws {Error} the system's error; the shell can still execute the command from its beginning
   */
  readonly run: (call: DirectCall) => Uint8Array | undefined;
  /** True if the command changes nothing. Only the output of such a command can be redirected. */
  readonly onlyPrints: boolean;
}

const NOTHING = new Uint8Array(0);

const encoder = new TextEncoder();

/** The commands by their names. */
export const DIRECT_COMMANDS: ReadonlyMap<string, DirectCommand> = new Map([
  ["echo", { run: echo, onlyPrints: true }],
  ["cat", { run: cat, onlyPrints: true }],
  ["rm", { run: rm, onlyPrints: false }],
  ["cp", { run: cp, onlyPrints: false }],
]);

function echo({ args }: DirectCall): Uint8Array {
  return encoder.encode(`${args.join(" ")}\n`);
}

function cat({ args, paths: known, target }: DirectCall): Uint8Array | undefined {
  if (args.length === 0 || args.some(isOption)) return undefined;
  const paths = resolveAll(args, known);
  if (paths === undefined) return undefined;
  let size = 0;
  for (const path of paths) {
    const facts = fileFacts(path);
    if (facts === undefined || isSame(facts, target)) return undefined;
    size += facts.size;
    if (size > MOST_BYTES) return undefined;
  }
  return concat(paths.map(readBytes));
}

const REMOVE_OPTIONS: ReadonlyMap<string, { readonly force: boolean; readonly deep: boolean }> =
  new Map([
    ["-rf", { force: true, deep: true }],
    ["-fr", { force: true, deep: true }],
    ["-r", { force: false, deep: true }],
    ["-f", { force: true, deep: false }],
  ]);

function rm({ args, paths: known }: DirectCall): Uint8Array | undefined {
  const options = REMOVE_OPTIONS.get(args[0] ?? "");
  const { force, deep } = options ?? { force: false, deep: false };
  const names = options === undefined ? args : args.slice(1);
  if (names.length === 0 || !names.every(isPlainPath)) return undefined;
  // Without -f, the shell would report files that are already removed, if it has to start again.
  if (!force && names.length > 1) return undefined;
  const paths = resolveAll(names, known);
  if (paths === undefined) return undefined;
  for (const path of paths) {
    const kind = fileKind(path);
    if (kind === undefined && !force) return undefined;
    if (kind === "folder" && !(deep && holdsAtMost(path, MOST_REMOVED))) return undefined;
  }
  for (const path of paths) removeTree(path);
  return NOTHING;
}

function cp({ args, paths }: DirectCall): Uint8Array | undefined {
  const ends = fromTo(args, paths);
  if (ends === undefined) return undefined;
  const source = fileFacts(ends.from);
  if (source === undefined || source.size > MOST_BYTES) return undefined;
  const kind = fileKind(ends.to);
  if (kind === "other" || kind === "folder" || isSame(source, fileFacts(ends.to))) return undefined;
  copyFile(ends.from, ends.to);
  return NOTHING;
}

/**
 * Resolves the two operands of a command. If the target is a folder, the source keeps its name in
 * it.
 */
function fromTo(
  args: readonly string[],
  paths: OrdinaryPaths,
): { readonly from: string; readonly to: string } | undefined {
  const [source, target] = args;
  if (args.length !== 2 || source === undefined || target === undefined) return undefined;
  const folder = target.replace(/\/$/, "");
  if (!isPlainPath(source) || !isPlainPath(folder)) return undefined;
  const from = paths.resolve(source);
  const to = paths.resolve(folder);
  if (from === undefined || to === undefined) return undefined;
  if (fileKind(to) === "folder") {
    const inside = paths.resolve(`${to}/${baseName(source)}`);
    return inside === undefined ? undefined : { from, to: inside };
  }
  return folder === target ? { from, to } : undefined;
}

/** Returns true if a word is not an option and its last path component is a name. */
function isPlainPath(word: string): boolean {
  return !isOption(word) && word !== "" && !/(^|\/)\.{0,2}$/.test(word);
}

function isOption(word: string): boolean {
  return word.startsWith("-");
}

/**
 * Resolves words to absolute paths; `undefined` if one of them means something else in each
 * process.
 */
function resolveAll(words: readonly string[], paths: OrdinaryPaths): string[] | undefined {
  const resolved: string[] = [];
  for (const word of words) {
    const path = paths.resolve(word);
    if (path === undefined) return undefined;
    resolved.push(path);
  }
  return resolved;
}

function isSame(a: FileFacts, b: FileFacts | undefined): boolean {
  return b !== undefined && a.dev === b.dev && a.ino === b.ino;
}
