/**
 * Command lines that are too long to be an argument: Linux takes no argument of 128 KiB or more.
 *
 * The shell of `deno task` has no other way in than an argument or a config file, so such a line is
 * put into a config file of its own, in a temporary folder.
 *
 * @module
 */

import { joinPath, removeTree, writeAtomically } from "../../system/files/files.ts";
import { makeTemporaryFolder } from "../../system/files/private_folder.ts";
import type { TaskCommand } from "./executor.ts";

/** Bytes of one argument, or of one variable with its name (Linux: MAX_ARG_STRLEN less the NUL). */
const MOST_BYTES = 128 * 1024 - 1;

const encoder = new TextEncoder();

/** Whether the system takes a text as an argument, or as a variable with its name. */
export function fitsArgument(text: string): boolean {
  // A UTF-16 unit is three bytes at most.
  return text.length * 3 <= MOST_BYTES || encoder.encode(text).length <= MOST_BYTES;
}

/** A config file with one task, which is there until it is disposed of. */
export class LongCommand implements Disposable {
  /** Arguments of `deno task` that run the task, without its own. */
  readonly words: readonly string[];
  readonly #folder: string;

  private constructor(folder: string, words: readonly string[]) {
    this.#folder = folder;
    this.words = words;
  }

  /**
   * Writes the config file.
   *
   * @throws {Error} what the system says if it cannot be written
   */
  static create({ name, command, cwd, npmBins }: TaskCommand): LongCommand {
    const folder = makeTemporaryFolder();
    const file = joinPath(folder, "deno.json");
    // Its messages name the task, unless that would be an option, a pattern, or too long as well.
    const task = name === "" || /^-|[*(]/.test(name) || !fitsArgument(name) ? "task" : name;
    const nodeModulesDir = npmBins === "none" ? "none" : "manual";
    const tasks = Object.fromEntries([[task, command]]);
    writeAtomically(file, JSON.stringify({ nodeModulesDir, tasks }));
    return new LongCommand(folder, ["--config", file, "--cwd", cwd, task]);
  }

  /** Removes the file. */
  [Symbol.dispose](): void {
    removeTree(this.#folder);
  }
}
