/**
 * Handles command lines that are too long for an argument: Linux accepts no argument of 128 KiB or
 * more.
 *
 * The shell of `deno task` takes a command only from an argument or from a config file. A line that
 * is too long is therefore written to a config file of its own in a temporary folder.
 *
 * @module
 */

import { joinPath, removeTree, writeAtomically } from "../../system/files/files.ts";
import { makeTemporaryFolder } from "../../system/files/private_folder.ts";
import type { TaskCommand } from "./executor.ts";

/**
 * Maximum bytes of one argument, or of one variable with its name (Linux: MAX_ARG_STRLEN minus the
 * NUL).
 */
const MOST_BYTES = 128 * 1024 - 1;

const encoder = new TextEncoder();

/** Returns true if the system accepts a text as an argument, or as a variable with its name. */
export function fitsArgument(text: string): boolean {
  // A UTF-16 unit takes at most three bytes.
  return text.length * 3 <= MOST_BYTES || encoder.encode(text).length <= MOST_BYTES;
}

/** A config file with one task, which exists until it is disposed of. */
export class LongCommand implements Disposable {
  /** Arguments of `deno task` that run the task, without the task's own arguments. */
  readonly words: readonly string[];
  readonly #folder: string;

  private constructor(folder: string, words: readonly string[]) {
    this.#folder = folder;
    this.words = words;
  }

  /**
   * Writes the config file.
   *
   * @throws {Error} the system's error if the file cannot be written
   */
  static create({ name, command, cwd, npmBins }: TaskCommand): LongCommand {
    const folder = makeTemporaryFolder();
    const file = joinPath(folder, "deno.json");
    // Use the task's name, because it appears in messages of `deno task`. A name that would be
    // taken for an option or a pattern, or that is too long as well, is replaced.
    const task = name === "" || /^-|[*(]/.test(name) || !fitsArgument(name) ? "task" : name;
    const nodeModulesDir = npmBins === "none" ? "none" : "manual";
    const tasks = Object.fromEntries([[task, command]]);
    writeAtomically(file, JSON.stringify({ nodeModulesDir, tasks }));
    return new LongCommand(folder, ["--config", file, "--cwd", cwd, task]);
  }

  /** Removes the file and its folder. */
  [Symbol.dispose](): void {
    removeTree(this.#folder);
  }
}

/** A file with a command line for a POSIX shell, which exists until it is disposed of. */
export class LongScript implements Disposable {
  /** Absolute path. */
  readonly file: string;
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
    this.file = joinPath(folder, "script.sh");
  }

  /**
   * Writes the file.
   *
   * @throws {Error} the system's error if the file cannot be written
   */
  static create(line: string): LongScript {
    const script = new LongScript(makeTemporaryFolder());
    writeAtomically(script.file, line);
    return script;
  }

  /** Removes the file and its folder. */
  [Symbol.dispose](): void {
    removeTree(this.#folder);
  }
}
