/**
 * Keeps the last plans. If neither the request nor the config has changed, a run gets the same plan
 * object again.
 *
 * The kept plan contains the same task objects. Other caches use these objects as keys, so they can
 * hit as well.
 *
 * @module
 */

import { realFolder } from "../../system/files/files.ts";
import type { RunTasksParams } from "../../wire/commands.ts";
import type { FileSet } from "../inputs/file_set.ts";
import { type Dependency, KeptAnswers, Validity } from "../validity.ts";
import type { BuildPlan } from "./plan.ts";

/** The number of kept plans. */
const MAX_PLANS = 4;

/** Parts of the cooker that a plan is made from. */
interface Planner {
  /**
   * Returns the set of the config files that runs have read or looked for so far. It is the same
   * object until a run looks for another file.
   */
  readonly configSet: () => FileSet | undefined;
  readonly plan: (params: RunTasksParams) => BuildPlan;
  /** Returns what the imports depend on that were found in sources so far. */
  readonly sources: () => readonly Dependency[];
}

/** A plan, with its validity if it is kept. */
export interface Planned {
  readonly plan: BuildPlan;
  readonly validity?: Validity;
}

/** Keeps plans until a config file changes. */
export class PlanMemo {
  readonly #planner: Planner;
  readonly #plans = new KeptAnswers<BuildPlan>(MAX_PLANS);

  constructor(planner: Planner) {
    this.#planner = planner;
  }

  /**
   * Returns the plan of a run.
   *
   * @throws {WireError} what the planner throws
   */
  get(params: RunTasksParams): Planned {
    const { configSet, sources } = this.#planner;
    const question = questionOf(params);
    const known = this.#plans.get(question);
    // The state outside of the project is no part of the validity: its changes are never reported,
    // and the outcome of a build depends on it separately.
    const isSame = known?.answer.outside.every(({ isUnchanged }) => isUnchanged) === true;
    if (known !== undefined && isSame) return { plan: known.answer, validity: known.validity };
    const path = params.taskCwd ?? params.cwd;
    const real = realFolder(path);
    // Taken before the plan, so that an edit during planning shows up as a change.
    const set = configSet();
    const snapshot = set?.snapshot();
    const plan = this.#planner.plan(params);
    // The plan may depend on files that are not in the set.
    if (set === undefined || snapshot === undefined || set !== configSet()) return { plan };
    const validity = new Validity(
      { on: "files", set, snapshot },
      { on: "folder", path, real },
      ...sources(),
    );
    this.#plans.set(question, { answer: plan, validity });
    return { plan, validity };
  }
}

/** Leaves out the fields that identify the client, because the plan does not depend on them. */
function questionOf(
  { client: _, stdinPid: __, passed: ___, output: ____, keyboard: _____, ...params }:
    RunTasksParams,
): string {
  return JSON.stringify(params);
}
