/**
 * Explains a plan for `planTasks`: which tasks would run, and why. It makes the same decisions as a
 * build, but executes nothing.
 *
 * @module
 */

import type { PlannedTaskDescription, PlanTasksResult, RunReason } from "../../wire/commands.ts";
import { type FingerprintParts, keptParts } from "../cache/fingerprint.ts";
import type { TaskHistory } from "../cache/task_history.ts";
import type { CacheKey } from "../cache/cache_key.ts";
import type { ResultCache } from "../cache/result_cache.ts";
import { PART_OF_LOCKFILE } from "../lockfiles/lockfile_input.ts";
import type { BuildPlan, PlannedTask } from "../plan/plan.ts";
import { CacheLookup, isCacheKey, type UncachedReason } from "./cache_lookup.ts";
import { TaskResults } from "./task_results.ts";

/** The input of {@linkcode explainPlan}. */
interface ExplainOptions {
  readonly plan: BuildPlan;
  readonly cache: ResultCache;
  readonly last: TaskHistory;
}

const NEVER_STORED: RunReason = {
  kind: "undeclared",
  text: "its config says that it is not cached, so it runs every time",
};

const FORCED: RunReason = { kind: "forced", text: "the run is forced" };

/** Determines for each task of a plan whether it would run, and the reasons. */
export async function explainPlan(
  { plan, cache, last }: ExplainOptions,
): Promise<PlanTasksResult> {
  const results = new TaskResults();
  const lookup = new CacheLookup({ ...plan, cache, results });
  const running = new Set<number>();
  let known: ReturnType<TaskHistory["readAll"]> | undefined;
  const explain = async (task: PlannedTask, index: number): Promise<PlannedTaskDescription> => {
    const dependencies = task.counted.map((each) => [each, taskAt(plan, each)] as const);
    const common = {
      task: task.id,
      name: task.name,
      cwd: task.cwd,
      dependencies: task.dependencies.map((each) => taskAt(plan, each).id),
      requested: task.requested,
      ...(task.package === undefined ? {} : { package: task.package }),
      ...(task.header === undefined ? {} : { command: task.header }),
      ...countedBy(task),
    };
    if (task.command === undefined && task.caching === undefined) {
      const fingerprint = results.groupFingerprint(task, dependencies);
      if (fingerprint !== undefined) results.assume(index, fingerprint);
    }
    const cacheKey = await lookup.cacheKey({ task, dependencies });
    if (!isCacheKey(cacheKey)) {
      running.add(index);
      return { ...common, verdict: "always", reasons: [uncached(cacheKey)] };
    }
    const { fingerprint } = cacheKey;
    results.assume(index, fingerprint);
    if (task.caching?.unstored === "counted" || task.command === undefined) {
      running.add(index);
      return { ...common, verdict: "always", reasons: [NEVER_STORED], fingerprint };
    }
    if (!plan.force && cache.has(cacheKey)) {
      return { ...common, verdict: "cached", reasons: [], fingerprint };
    }
    const before = dependencies.filter(([each]) => running.has(each)).map(([, each]) => each);
    known ??= last.readAll();
    const reasons = plan.force ? [FORCED] : [
      ...before.map(runsFirst),
      ...differences(cacheKey, known.get(task.key)?.parts)
        // A dependency that runs first may also have another result. One reason per dependency is
        // enough.
        .filter(({ kind, subject }) =>
          kind !== "dependency" || !before.some((each) => each.id === subject)
        ),
    ];
    running.add(index);
    return { ...common, verdict: "run", reasons, fingerprint };
  };
  const tasks: PlannedTaskDescription[] = [];
  for (const [index, task] of plan.tasks.entries()) tasks.push(await explain(task, index));
  return { tasks, jobs: plan.jobs };
}

/** Returns what counts for a task without an entry in its `files` and `env`. */
function countedBy({ caching }: PlannedTask): Pick<PlannedTaskDescription, "counted"> {
  const { envPatterns = [], lockfiles = [] } = caching ?? {};
  const variables = [...new Set(envPatterns.flat())];
  const files = lockfiles.filter(({ packages }) => packages.length > 0).map(({ path }) => path);
  if (variables.length + files.length === 0) return {};
  return { counted: { variables, lockfiles: files } };
}

function taskAt(plan: BuildPlan, index: number): PlannedTask {
  const task = plan.tasks[index];
  if (task === undefined) throw new RangeError(`The plan has no task ${index}`);
  return task;
}

function uncached(reason: UncachedReason): RunReason {
  switch (reason.kind) {
    case "undeclared":
      return { kind: "undeclared", text: 'it declares no "files", so it runs every time' };
    case "dependency":
      return {
        kind: "dependency-uncached",
        subject: reason.task,
        text: `its dependency ${reason.task} runs every time`,
      };
    case "no files":
      return { kind: "no-files", text: 'its "files" match nothing' };
    case "bad pattern":
      return { kind: "bad-pattern", text: 'its "files" or "output" contain an invalid pattern' };
    case "input":
      return {
        kind: "unreadable-input",
        subject: reason.path,
        text: `${reason.path} ${reason.reason}; it runs every time`,
      };
  }
}

function runsFirst(task: PlannedTask): RunReason {
  return {
    kind: "dependency-runs",
    subject: task.id,
    text: `its dependency ${task.id} runs before it`,
  };
}

/** Returns the differences from a task's last successful run. */
function differences(
  { parts: whole, snapshot }: Pick<CacheKey, "parts" | "snapshot">,
  wholeLast: FingerprintParts | undefined,
): RunReason[] {
  if (wholeLast === undefined) {
    return [{ kind: "never-ran", text: "it has not succeeded here before" }];
  }
  const parts = keptParts(whole);
  // Earlier versions stored command lines without redacting secrets, so the old parts are redacted
  // here.
  const last = keptParts(wholeLast);
  const shown = [
    ...differing("command", "its command", last.command, parts.command),
    ...differing("arguments", "its arguments", last.args, parts.args),
  ];
  const reasons = [
    ...shown,
    ...(shown.length === 0 && last.starred !== parts.starred ? [STARRED] : []),
    ...differing("output", 'its "output"', last.output, parts.output),
    ...(last.definition === parts.definition ? [] : [DEFINITION]),
    ...differing("project", "the project's name", last.names ?? [], parts.names ?? []),
    ...differing("platform", "the runtime", last.platform, parts.platform),
    ...changedEntries(last.env, parts.env, (name, change) => ({
      kind: "variable",
      subject: name,
      text: `the variable ${name} ${
        change === "changed" ? "has a different value" : `was ${change}`
      }`,
    })),
    ...changedEntries(last.files, Object.fromEntries(snapshot.files), (path, change) => ({
      kind: `file-${change}`,
      subject: path,
      text: isPart(last.files[path], snapshot.files.get(path))
        ? `the packages that it depends on have changed in ${path}`
        : `${path} was ${change}`,
    })),
    ...changedEntries(last.dependencies, parts.dependencies, (task, change) => ({
      kind: "dependency",
      subject: task,
      text: change === "changed"
        ? `its dependency ${task} has a different result`
        : `the dependency on ${task} was ${change}`,
    })),
  ];
  return reasons.length > 0
    ? reasons
    : [{ kind: "result-gone", text: "its result is no longer in the cache" }];
}

/** Returns true if only a part of an input counted, before and now. */
function isPart(before: string | undefined, now: string | undefined): boolean {
  return [before, now].every((content) => content?.startsWith(PART_OF_LOCKFILE) === true);
}

const DEFINITION: RunReason = { kind: "definition", text: "its definition has changed" };

const STARRED: RunReason = {
  kind: "arguments",
  text: "a value that looks like a secret changed in its command or arguments",
};

function differing(
  kind: "command" | "arguments" | "output" | "project" | "platform",
  what: string,
  before: unknown,
  now: unknown,
): RunReason[] {
  const [old, fresh] = [JSON.stringify(before), JSON.stringify(now)];
  return old === fresh ? [] : [{ kind, text: `${what} changed from ${old} to ${fresh}` }];
}

type Change = "changed" | "added" | "removed";

function changedEntries(
  before: Readonly<Record<string, string>>,
  now: Readonly<Record<string, string>>,
  reason: (name: string, change: Change) => RunReason,
): RunReason[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].sort();
  return names.filter((name) => before[name] !== now[name]).map((name) => {
    if (!Object.hasOwn(before, name)) return reason(name, "added");
    return reason(name, Object.hasOwn(now, name) ? "changed" : "removed");
  });
}
