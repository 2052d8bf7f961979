/**
 * Which `deno` runs the tasks.
 *
 * @module
 */

import { fileKind, joinPath } from "../../system/files/files.ts";
import type { ProgramDescription } from "../../system/process/self.ts";

/**
 * The `deno` to use: the one that runs this process, or, under a compiled binary, the first on the
 * run's own PATH.
 *
 * @param path the run's PATH
 * @param isFile for tests: whether a path is a program
 * @returns its path, absolute, or `undefined` where there is none
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
