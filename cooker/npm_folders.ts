/**
 * Folders of npm packages, whose programs the shell puts before its own and those on the PATH.
 *
 * @module
 */

import { upwards } from "../project/root.ts";
import { joinPath, visibleKind } from "../system/files.ts";
import type { TaskCommand } from "./executor.ts";

/** The `node_modules` folders that a folder's shell would look into, nearest first. */
export function npmFoldersAbove(cwd: string): string[] {
  return upwards(cwd).map((folder) => joinPath(folder, "node_modules"))
    .filter((path) => visibleKind(path) !== undefined);
}

/** As {@linkcode npmFoldersAbove}, looked for once in a run, as `deno task` does. */
export class NpmFolders {
  /** By the environment, which all tasks of a run share. */
  readonly #known = new WeakMap<TaskCommand["env"], Map<string, readonly string[]>>();

  /** The folders that count for a task. */
  above({ cwd, env }: TaskCommand): readonly string[] {
    const ofRun = this.#known.get(env) ?? new Map<string, readonly string[]>();
    this.#known.set(env, ofRun);
    const found = ofRun.get(cwd) ?? npmFoldersAbove(cwd);
    ofRun.set(cwd, found);
    return found;
  }
}
