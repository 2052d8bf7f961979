/**
 * Finds programs on a PATH, and describes files outside of a project, which no watch covers.
 *
 * @module
 */

import { isAbsent, joinPath } from "../files/files.ts";
import { pathExists } from "../files/path_exists.ts";

/**
 * Returns the path of the first program of a name on a PATH, as `execvp` finds it.
 *
 * @param name a name without a slash
 * @param path folders, separated by colons
 * @param cwd the folder for entries that are relative or empty, absolute
 */
export function findProgram(name: string, path: string, cwd: string): string | undefined {
  for (const folder of path.split(":")) {
    const candidate = joinPath(cwd, folder, name);
    if (pathExists(candidate) && isExecutable(candidate)) return candidate;
  }
  return undefined;
}

/** Returns true if a path leads to a file that may be executed. */
export function isExecutable(path: string): boolean {
  try {
    const { isFile, mode } = Deno.statSync(path);
    return isFile && ((mode ?? 0) & 0o111) !== 0;
  } catch (error) {
    if (isAbsent(error) || error instanceof Deno.errors.PermissionDenied) return false;
    throw error;
  }
}

/**
 * Returns a text that changes with the contents of a file: its size, its modification time, and its
 * path without links. The text is empty if the file is missing or may not be read.
 */
export function fileState(path: string): string {
  if (!pathExists(path)) return "";
  try {
    const { size, mtime } = Deno.statSync(path);
    return `${size} ${mtime?.getTime() ?? 0} ${Deno.realPathSync(path)}`;
  } catch (error) {
    if (isAbsent(error) || error instanceof Deno.errors.PermissionDenied) return "";
    throw error;
  }
}

/** Returns the system and the processor as Node names them, such as `linux x64`. */
export function nodePlatform(): string {
  const { os, arch } = Deno.build;
  return `${os} ${arch === "x86_64" ? "x64" : "arm64"}`;
}
