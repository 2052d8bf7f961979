/**
 * The cooker of a project, with its memory in the project's state folder and the user's cache.
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
 * Makes the cooker of a project; it reads and starts nothing before it is asked to. Where results
 * are kept is what the environment of each run says, not that of this process.
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
    // Programs that send a few variables, over XML-RPC or as BitBake's UI, have this process's.
    cache: (env) => cacheFolderOf(namesCache(env) ? env : environment()),
    ...(settled === undefined ? {} : { settled }),
    ...(passed === undefined ? {} : { passed }),
  });
}
