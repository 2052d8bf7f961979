/**
 * Events of builds for the tests of the full view.
 *
 * @module
 */

import type { SimmerEvent } from "../../../wire/events.ts";

const STAMP = { seq: 1, time: 1000 };

/** The beginning of a build. */
export function started(build: string, total: number): SimmerEvent {
  const client = { pid: 7, command: `simmer run ${build}` };
  return { type: "BuildStarted", build, requested: [build], total, jobs: 2, client, ...STAMP };
}

/** A task `package#name`, or `name`. */
export function queued(build: string, task: string, dependencies: string[]): SimmerEvent {
  const [name = "", owner] = task.split("#").reverse();
  const common = { build, task, name, dependencies, prefixed: true, ...STAMP };
  return { type: "TaskQueued", ...common, ...(owner === undefined ? {} : { package: owner }) };
}

/** The beginning of a task. */
export function begun(build: string, task: string): SimmerEvent {
  const common = { build, task, name: task, cwd: "/project", prefixed: true };
  return { type: "TaskStarted", ...common, ...STAMP };
}

/** A task that has run for a second. */
export function finished(build: string, task: string): SimmerEvent[] {
  return [
    begun(build, task),
    { type: "TaskSucceeded", build, task, durationMs: 1000, ...STAMP },
  ];
}

/** A task that has failed. */
export function failed(build: string, task: string): SimmerEvent[] {
  return [
    begun(build, task),
    { type: "TaskFailed", build, task, durationMs: 1000, exitCode: 3, ...STAMP },
  ];
}

/** The end of a build. */
export function completed(build: string): SimmerEvent {
  const counts = { total: 1, succeeded: 1, cached: 0, failed: 0, cancelled: 0, skipped: 0 };
  const common = {
    build,
    outcome: "succeeded",
    exitCode: 0,
    counts,
    durationMs: 5,
    failures: [],
  } as const;
  return { type: "BuildCompleted", ...common, ...STAMP };
}
