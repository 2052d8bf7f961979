/**
 * Who holds a lock file, as the tools of the machine say it.
 *
 * @module
 */

import { runTool } from "../system/process/tool.ts";

/** Runs a program and gives what it prints, both streams; `undefined` where it is not installed. */
export type ToolRunner = (command: string, args: readonly string[]) => Promise<string | undefined>;

/**
 * The processes that have a file open: what `lsof -w` prints, or where that is not installed what
 * `fuser -v` prints, or nothing where neither is.
 *
 * @param path absolute
 */
export async function lockHolders(path: string, run: ToolRunner = runTool): Promise<string> {
  return await run("lsof", ["-w", path]) ?? await run("fuser", ["-v", path]) ?? "";
}
