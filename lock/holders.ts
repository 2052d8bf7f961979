/**
 * Finds the processes that hold a lock file, with the tools of the machine.
 *
 * @module
 */

import { runTool } from "../system/process/tool.ts";

/**
 * Runs a program and returns its output, both streams. Returns `undefined` if it is not installed.
 */
export type ToolRunner = (command: string, args: readonly string[]) => Promise<string | undefined>;

/**
 * Lists the processes that have a file open: the output of `lsof -w` or, if that is not installed,
 * of `fuser -v`. Returns an empty text if neither is installed.
 *
 * @param path absolute
 */
export async function lockHolders(path: string, run: ToolRunner = runTool): Promise<string> {
  return await run("lsof", ["-w", path]) ?? await run("fuser", ["-v", path]) ?? "";
}
