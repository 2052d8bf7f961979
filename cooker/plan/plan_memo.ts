/**
 * The last plans: the same run of the same config is planned in the same way, and its tasks are then
 * the very same objects, by which whatever is known of them is found again.
 *
 * @module
 */

import type { RunTasksParams } from "../../wire/commands.ts";
import type { FileSet, Snapshot } from "../inputs/file_set.ts";
import type { BuildPlan } from "./plan.ts";

interface Remembered {
  readonly config: FileSet;
  readonly snapshot: Snapshot;
  readonly plan: BuildPlan;
}

/** Runs that are remembered. */
const MAX_PLANS = 4;

/** Remembers plans for as long as no config file changes. */
export class PlanMemo {
  readonly #plans = new Map<string, Remembered>();

  /**
   * The plan of a run.
   *
   * @param config every config file that runs have looked for so far
   * @param make plans it, where it is not known; may look for further config files
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
    for (const oldest of this.#plans.keys()) {
      if (this.#plans.size <= MAX_PLANS) break;
      this.#plans.delete(oldest);
    }
    return plan;
  }
}

/** Whoever asks for it, the plan is the same. */
function keyOf({ client: _, stdinPid: __, passed: ___, ...params }: RunTasksParams): string {
  return JSON.stringify(params);
}
