/**
 * Finds the task that a person may have meant by an unknown command: `simmer build` for
 * `simmer run build`. Loaded only after that mistake.
 *
 * @module
 */

import { ClientError } from "../client/errors.ts";
import { nearestName } from "../client/args/nearest.ts";
import { ProjectConfig } from "../cooker/config/project.ts";
import { findProject } from "../project/root.ts";
import { isSystemError, realPath } from "../system/files/files.ts";
import { WireError } from "../wire/errors.ts";

/** A task, and whether it has exactly the typed name. */
interface IntendedTask {
  readonly name: string;
  readonly isExact: boolean;
}

interface Place {
  readonly cwd: string;
  readonly config?: string;
}

/**
 * Returns the task of that name, or else the one with the nearest name. Returns `undefined` if there
 * is none, and also if the project cannot be read: the mistake is in the command then.
 *
 * @param place returns the folder in which the name is looked up, and the config file that the user
 *   named, both absolute
 */
export function intendedTask(typed: string, place: () => Place): IntendedTask | undefined {
  try {
    const { cwd, config } = place();
    const project = findProject(cwd, config);
    if (project === undefined) return undefined;
    const scope = new ProjectConfig(project).scopeAt(realPath(cwd));
    if (scope.find(typed) !== undefined) return { name: typed, isExact: true };
    const name = nearestName(typed, scope.names());
    return name === undefined ? undefined : { name, isExact: false };
  } catch (error) {
    if (error instanceof WireError || error instanceof ClientError) return undefined;
    if (isSystemError(error)) return undefined;
    throw error;
  }
}
