/**
 * Folders of npm packages: what their programs do to the shell's commands and to PATH.
 *
 * @module
 */

import { upwards } from "../project/root.ts";
import { pathExists } from "../system/path_exists.ts";

/**
 * Which `node_modules/.bin` folders `deno task` puts on PATH: none, or those of the task's folder
 * and of all folders above it, whether they exist or not.
 */
export type NpmBins = "none" | "above";

/** The `node_modules/.bin` folders of a folder and of those above it, nearest first. */
export function npmBinFolders(cwd: string): string[] {
  return upwards(cwd).map((folder) => `${folder === "/" ? "" : folder}/node_modules/.bin`);
}

/**
 * Whether an npm package above a folder brings a program of that name. It is looked for each time:
 * an earlier task may have made it.
 */
export function hasNpmProgram(name: string, cwd: string): boolean {
  return npmBinFolders(cwd).some((folder) => pathExists(`${folder}/${name}`));
}

/** A PATH with folders in front of it. */
export function pathBehind(folders: readonly string[], path: string | undefined): string {
  return [...folders, ...(path === undefined || path === "" ? [] : [path])].join(":");
}
