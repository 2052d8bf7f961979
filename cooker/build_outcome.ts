/**
 * Determines what the outcome of a build depends on if every task in it is a cache hit, and how long
 * that outcome is valid.
 *
 * @module
 */

import type { Build } from "./build/build.ts";
import type { ResultCache } from "./cache/result_cache.ts";
import type { BuildPlan } from "./plan/plan.ts";
import type { ProjectState } from "./project_state.ts";
import { type Dependency, Validity } from "./validity.ts";

/** Parts of the cooker that an outcome depends on. */
interface OutcomeSources {
  readonly project: ProjectState;
  readonly cache: ResultCache;
  /** The validity of the plan, if it is kept. */
  readonly planned: Validity | undefined;
  /** Builds in progress, which may be about to change anything. */
  readonly inProgress: { readonly size: number };
}

/** The outcome of one build. */
export class BuildOutcome {
  readonly #plan: BuildPlan;
  readonly #sources: OutcomeSources;
  readonly #unchanged: readonly Dependency[];

  /** Records the state of what the outcome depends on. The build is about to begin. */
  constructor(plan: BuildPlan, sources: OutcomeSources) {
    this.#plan = plan;
    this.#sources = sources;
    this.#unchanged = dependenciesOf(plan, sources.project);
  }

  /**
   * Returns the validity of the outcome of a build that has ended. Returns `undefined` unless the
   * kernel reports every later change: then the next build has to check its inputs itself.
   */
  validityOf(build: Build): Validity | undefined {
    const { planned, cache, inProgress } = this.#sources;
    const isSettled = build.isAllCached && planned?.isReported === true &&
      areReported(build, this.#plan, cache) && new Validity(...this.#unchanged).isCurrent;
    return isSettled ? new Validity({ on: "builds", inProgress }, ...this.#unchanged) : undefined;
  }
}

function dependenciesOf(
  { tasks, outside }: BuildPlan,
  project: ProjectState,
): readonly Dependency[] {
  const { changes, last: history } = project;
  // Runs of the other tasks change their outputs, and these changes are reported.
  const unseen = tasks.filter(({ caching }) => caching?.output.length === 0);
  const beginnings = new Map(unseen.map(({ key }) => [key, history.beginnings(key)]));
  return [
    ...outside.map((state) => ({ on: "outside", state }) as const),
    { on: "runs", history, beginnings },
    { on: "project", project, changes },
  ];
}

/** Returns true if every change on which a build's cache hits depend is reported. */
function areReported(build: Build, { tasks }: BuildPlan, cache: ResultCache): boolean {
  return tasks.every(({ command, caching }, index) => {
    const cacheKey = build.cacheKeys.get(index);
    return (command === undefined && caching === undefined) ||
      (cacheKey !== undefined && cache.isReported(cacheKey));
  });
}
