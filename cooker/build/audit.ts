/**
 * Compares the files that a task has used with those that it declares, and proposes declarations.
 *
 * @module
 */

import { baseName, parentFolder, pathInside, visibleKind } from "../../system/files/files.ts";
import type { FileAccess } from "../../system/process/file_trace.ts";
import type { TaskAudited } from "../../wire/events.ts";
import type { CacheDeclaration } from "../cache/fingerprint.ts";
import { inputSpec, outputSpec } from "../cache/declared_files.ts";
import type { FilePatterns, PatternSpec } from "../inputs/file_patterns.ts";
import { patternsOf } from "../inputs/pattern_spec.ts";
import type { PatternUse } from "../inputs/patterns.ts";
import type { PlannedTask } from "../plan/plan.ts";

/** Maximum number of paths in each list of a report. */
const MOST_PATHS = 100;

/** Folders whose contents are neither inputs nor outputs, unless an entry names them. */
const IGNORED = /(?:^|\/)(?:node_modules|\.git|\.simmer)(?:\/|$)/;

/** Config files that the shell of `deno task` itself reads. */
const DENO_READS: ReadonlySet<string> = new Set([
  "deno.json",
  "deno.jsonc",
  "deno.lock",
  "package.json",
]);

/** The result of an audit, without what identifies the task. */
type Audit = Omit<TaskAudited, "type" | "build" | "task" | "name" | "package">;

/**
 * Audits a task. Only files in the project that exist after the task count.
 *
 * @param root the project's root folder, absolute
 * @param dependencies all tasks that ran before it because it depends on them, directly or not
 */
export function audit(
  task: PlannedTask,
  accessed: readonly FileAccess[],
  { root, dependencies }: { readonly root: string; readonly dependencies: readonly PlannedTask[] },
): Audit {
  const { cwd, command, caching } = task;
  const readsConfig = command?.npm === undefined && !/\bdeno\b/.test(command?.command ?? "");
  const used = accessed.filter(({ path }) => {
    const inside = pathInside(root, path);
    if (inside === undefined || IGNORED.test(inside)) return false;
    return !(readsConfig && DENO_READS.has(baseName(path))) && visibleKind(path) === "file";
  });
  const made = dependencies.flatMap((each) => outputsOf(each) ?? []);
  const reads = used.filter(({ isInput, path }) =>
    isInput && !made.some((patterns) => patterns.matches(path))
  );
  const writes = used.filter(({ isInput, isWritten }) => isWritten && !isInput);
  const changed = reads.filter(({ isWritten }) => isWritten);
  const declared = caching === undefined ? undefined : inputsOf(cwd, caching);
  const outputs = outputsOf(task);
  const shown = (list: readonly FileAccess[]): string[] =>
    list.slice(0, MOST_PATHS).map(({ path }) => relative(cwd, path));
  const missing = {
    reads: declared === undefined
      ? []
      : reads.filter(({ path }) => !declared.some((patterns) => patterns.matches(path))),
    writes: caching === undefined ? [] : writes.filter(({ path }) => !outputs?.matches(path)),
  };
  const inputs = reads.filter(({ isWritten }) => !isWritten).map(({ path }) => path);
  const written = writes.map(({ path }) => path);
  const isOwn = (path: string): boolean => pathInside(cwd, path) !== undefined;
  return {
    isDeclared: caching !== undefined,
    files: [
      ...entriesBelow(cwd, inputs.filter(isOwn), []),
      ...entriesBelow(root, inputs.filter((path) => !isOwn(path)), [cwd]),
    ].map((path) => relative(cwd, path)).sort(),
    output: entriesBelow(cwd, written.filter(isOwn), reads.map(({ path }) => path))
      .map((path) => relative(cwd, path)).sort(),
    changed: shown(changed),
    undeclaredReads: shown(missing.reads),
    undeclaredWrites: shown(missing.writes),
  };
}

/** Returns the patterns of a task's own inputs and of those in the packages that it imports. */
function inputsOf(cwd: string, caching: CacheDeclaration): FilePatterns[] {
  const imported = (caching.imported ?? []).map(({ folder, entries }) => patterns(folder, entries));
  return [patterns(cwd, inputSpec(caching)), ...imported].flatMap((each) => each ?? []);
}

function outputsOf({ cwd, caching }: PlannedTask): FilePatterns | undefined {
  if (caching === undefined || caching.output.length === 0) return undefined;
  return patterns(cwd, outputSpec(caching.output, caching), "output");
}

function patterns(
  folder: string,
  spec: readonly string[] | PatternSpec,
  use: PatternUse = "files",
): FilePatterns | undefined {
  const isList = (each: typeof spec): each is readonly string[] => Array.isArray(each);
  return patternsOf(folder, isList(spec) ? { entries: spec } : spec, use);
}

/**
 * Returns paths that contain all the given ones: a file by itself, and several files of a folder as
 * their nearest common folder.
 *
 * @param base the folder that all paths are in
 * @param others paths that no returned folder may contain
 */
function entriesBelow(
  base: string,
  paths: readonly string[],
  others: readonly string[],
): string[] {
  const groups = Map.groupBy(paths, (path) => path.slice(base.length + 1).replace(/\/.*/, ""));
  return [...groups].flatMap(([name, group]) => {
    const [first, ...more] = group;
    if (first === undefined || more.length === 0) return first === undefined ? [] : [first];
    const folder = `${base}/${name}`;
    const isFree = !others.some((other) => pathInside(folder, other) !== undefined);
    return isFree ? [commonFolder(group)] : entriesBelow(folder, group, others);
  });
}

/** Returns the deepest folder that contains all files. */
function commonFolder(files: readonly string[]): string {
  const [first = "", ...more] = files;
  let folder = parentFolder(first);
  while (!more.every((file) => pathInside(folder, file) !== undefined)) {
    folder = parentFolder(folder);
  }
  return folder;
}

/** Returns a path relative to a folder, also if it is outside of it. */
function relative(folder: string, path: string): string {
  let up = "";
  for (let base = folder;; base = parentFolder(base), up += "../") {
    const inside = pathInside(base, path);
    if (inside !== undefined) return `${up}${inside}`;
  }
}
