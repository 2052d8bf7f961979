/**
 * The cooker of a project, with its memory in the project's state folder and the user's cache.
 *
 * @module
 */

import type { SettledBuilds } from "../cooker/settled.ts";
import { TaskCooker } from "../cooker/task_cooker.ts";
import { cacheFolder } from "../project/cache_place.ts";
import type { Project } from "../project/root.ts";
import type { StatePaths } from "../project/state.ts";
import { systemClock } from "../system/clock.ts";
import { variable } from "../system/environment.ts";
import type { Logger } from "../system/logger.ts";

/** The user's cache; `undefined` where no variable says where it is. */
export function userCacheFolder(): string | undefined {
  return cacheFolder({
    simmerCacheDir: variable("SIMMER_CACHE_DIR"),
    xdgCacheHome: variable("XDG_CACHE_HOME"),
    home: variable("HOME"),
  });
}

/** Makes the cooker of a project; it reads and starts nothing before it is asked to. */
export function taskCooker(
  project: Project,
  paths: StatePaths & { readonly isTemporary?: boolean },
  log: Logger,
  { settled, isBrief = false }: {
    readonly settled?: SettledBuilds;
    readonly isBrief?: boolean;
  } = {},
): TaskCooker {
  const cache = userCacheFolder();
  return new TaskCooker({
    ...project,
    state: paths,
    clock: systemClock,
    log,
    isBrief,
    ...(settled === undefined ? {} : { settled }),
    ...(cache === undefined ? {} : { cache }),
  });
}
