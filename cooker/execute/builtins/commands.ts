/**
 * Commands of the shell that need no process: they are done here where they are sure to go well.
 *
 * A command that can't be done at a stroke, or that has something to complain of, is left to the
 * shell before anything of it is done: its messages are the shell's, and so is its exit code.
 *
 * @module
 */

import type { OrdinaryPaths } from "../../../system/files/ordinary_paths.ts";
import { baseName, ensureFolder, fileKind, removeTree } from "../../../system/files/files.ts";
import {
  copyFile,
  type FileFacts,
  fileFacts,
  holdsAtMost,
  makeFolder,
  readBytes,
  rename,
} from "../../../system/files/small_files.ts";

/** Bytes that are read, or copied, at a stroke. */
const MOST_BYTES = 1024 * 1024;

/** Files and folders that are removed at a stroke. */
const MOST_REMOVED = 256;

/** What a command is given. */
interface DirectCall {
  readonly args: readonly string[];
  /** Resolves operands; those that belong to a process are left to the shell. */
  readonly paths: OrdinaryPaths;
  /** The file that its stdout goes to, where it is one that is there. */
  readonly target?: FileFacts;
}

/** A command. */
interface DirectCommand {
  /**
   * Does it.
   *
   * @returns what it prints, or `undefined` where the shell has to do it
   * @throws {Error} what the system says; the shell can begin anew then, too
   */
  readonly run: (call: DirectCall) => Uint8Array | undefined;
  /** Whether it changes nothing, so that what it prints can be sent where it will. */
  readonly onlyPrints: boolean;
}

const NOTHING = new Uint8Array(0);

const encoder = new TextEncoder();

/** The commands, by name. */
export const DIRECT_COMMANDS: ReadonlyMap<string, DirectCommand> = new Map([
  ["echo", { run: echo, onlyPrints: true }],
  ["cat", { run: cat, onlyPrints: true }],
  ["true", { run: () => NOTHING, onlyPrints: true }],
  ["mkdir", { run: mkdir, onlyPrints: false }],
  ["rm", { run: rm, onlyPrints: false }],
  ["cp", { run: cp, onlyPrints: false }],
  ["mv", { run: mv, onlyPrints: false }],
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
  const pieces = paths.map(readBytes);
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const piece of pieces) {
    bytes.set(piece, end);
    end += piece.length;
  }
  return bytes;
}

function mkdir({ args, paths: known }: DirectCall): Uint8Array | undefined {
  const [first, ...rest] = args;
  if (first === "-p" || first === "--parents") {
    if (rest.length === 0 || !rest.every(isPlainPath)) return undefined;
    const paths = resolveAll(rest, known);
    if (paths === undefined) return undefined;
    for (const path of paths) ensureFolder(path);
    return NOTHING;
  }
  if (first === undefined || rest.length > 0 || !isPlainPath(first)) return undefined;
  const path = known.resolve(first);
  if (path === undefined) return undefined;
  makeFolder(path);
  return NOTHING;
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
  // Without -f what is gone already would be complained of where the shell begins anew.
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

function mv({ args, paths }: DirectCall): Uint8Array | undefined {
  const ends = fromTo(args, paths);
  if (ends === undefined || fileFacts(ends.from) === undefined) return undefined;
  const kind = fileKind(ends.to);
  if (kind === "other" || kind === "folder") return undefined;
  rename(ends.from, ends.to);
  return NOTHING;
}

/** Two operands; what goes into a folder keeps its name there. */
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

/** A path whose last part is a name, and which is no option. */
function isPlainPath(word: string): boolean {
  return !isOption(word) && word !== "" && !/(^|\/)\.{0,2}$/.test(word);
}

function isOption(word: string): boolean {
  return word.startsWith("-");
}

/** Words as absolute paths; `undefined` if one of them belongs to a process. */
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
