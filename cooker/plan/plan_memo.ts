/**
 * Caches the last plans. If neither the request nor the config has changed, a run gets the same
 * plan object again.
 *
 * The cached plan contains the same task objects. Other caches use these objects as keys, so they
 * can hit as well.
 *
 * @module
 */

import { LruMap } from "../../system/lru_map.ts";
import type { RunTasksParams } from "../../wire/commands.ts";
import type { FileSet, Snapshot } from "../inputs/file_set.ts";
import type { BuildPlan } from "./plan.ts";

interface Remembered {
  readonly config: FileSet;
  readonly snapshot: Snapshot;
  readonly plan: BuildPlan;
}

/** The number of cached plans. */
const MAX_PLANS = 4;

/** Caches plans until a config file changes. */
export class PlanMemo {
  readonly #plans = new LruMap<string, Remembered>(MAX_PLANS);

  /**
   * Returns the plan of a run.
   *
   * @param config every config file that runs have looked for so far
   * @param make plans the run on a cache miss; may look for further config files
   */
  get(
    params: RunTasksParams,
    config: FileSet | undefined,
    make: () => BuildPlan,
  ): BuildPlan {
    const key = keyOf(params);
    const known = this.#plans.get(key);
    if (known !== undefined && known.config === config && config.isSettled) {
      if (config.snapshot() === known.snapshot) return known.plan;
    }
    const snapshot = config?.snapshot();
    const plan = make();
    this.#plans.delete(key);
    if (config === undefined || snapshot === undefined) return plan;
    this.#plans.set(key, { config, snapshot, plan });
    return plan;
  }
}

/** Leaves out the fields that identify the client, because the plan does not depend on them. */
function keyOf({ client: _, stdinPid: __, passed: ___, ...params }: RunTasksParams): string {
  return JSON.stringify(params);
}
