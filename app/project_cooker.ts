/**
 * Creates the cooker of a project, with its state folder and the user's cache.
 *
 * @module
 */

import type { SettledBuilds } from "../cooker/settled.ts";
import { TaskCooker } from "../cooker/task_cooker.ts";
import { cacheFolderOf, namesCache } from "../project/cache_place.ts";
import type { Project } from "../project/root.ts";
import type { StatePaths } from "../project/state.ts";
import { systemClock } from "../system/clock.ts";
import { environment } from "../system/environment.ts";
import type { PassedDescriptors } from "../system/process/passed_descriptors.ts";
import type { Logger } from "../system/logger.ts";

/**
 * Creates the cooker of a project. It reads and starts nothing before its first command. The
 * environment of each run locates the cache, not that of this process.
 */
export function taskCooker(
  project: Project,
  paths: StatePaths & { readonly isTemporary?: boolean },
  log: Logger,
  { settled, passed, isBrief = false }: {
    readonly settled?: SettledBuilds;
    readonly passed?: PassedDescriptors;
    readonly isBrief?: boolean;
  } = {},
): TaskCooker {
  return new TaskCooker({
    ...project,
    state: paths,
    clock: systemClock,
    log,
    isBrief,
    // Clients of XML-RPC and BitBake's UI send only a few variables. This process's variables
    // locate the cache for them.
    cache: (env) => cacheFolderOf(namesCache(env) ? env : environment()),
    ...(settled === undefined ? {} : { settled }),
    ...(passed === undefined ? {} : { passed }),
  });
}
