/**
 * Finds the `deno` whose shell runs the tasks.
 *
 * @module
 */

import { fileKind, joinPath } from "../../system/files/files.ts";
import type { ProgramDescription } from "../../system/process/self.ts";

/**
 * Returns the `deno` that runs this process. Under a compiled binary, it returns the first `deno`
 * on the run's own PATH.
 *
 * @param path the run's PATH
 * @param isFile for tests: returns true if a path is a program
 * @returns its absolute path, or `undefined` if there is none
 */
export function findDeno(
  host: ProgramDescription,
  path: string | undefined,
  isFile: (path: string) => boolean = (candidate) => fileKind(candidate) === "file",
): string | undefined {
  if (!host.standalone) return host.execPath;
  return (path ?? "").split(":")
    .filter((folder) => folder.startsWith("/"))
    .map((folder) => joinPath(folder, "deno"))
    .find(isFile);
}
