/**
 * Finds the tasks that changed files affect: those that have one among their inputs, and those that
 * depend on them.
 *
 * @module
 */

import { baseName, parentFolder } from "../../system/files/files.ts";
import type { Workspace, WorkspaceFolder } from "../config/workspace.ts";
import type { PlannedTask } from "./plan.ts";
import type { TaskGraph, TaskNode } from "./graph.ts";

/** Files in the root that may change what any task does, if it declares no inputs. */
const COMMON_FILES: ReadonlySet<string> = new Set([
  "deno.json",
  "deno.jsonc",
  "deno.lock",
  "package.json",
  "package-lock.json",
  "npm-shrinkwrap.json",
  "pnpm-lock.yaml",
  "pnpm-workspace.yaml",
  "yarn.lock",
  "bun.lock",
  "bun.lockb",
]);

/** The input of {@linkcode affectedTasks}. */
interface AffectedRequest {
  readonly graph: TaskGraph;
  /** The planned tasks of the graph, at the same indices. */
  readonly tasks: readonly PlannedTask[];
  /** Absolute paths. */
  readonly changed: readonly string[];
  readonly workspace: Workspace;
  /** Returns true if a path is an input of a task that declares inputs. */
  readonly isInput: (task: PlannedTask, path: string) => boolean;
}

/** Returns the indices of the tasks that changed files affect. */
export function affectedTasks(
  { graph, tasks, changed, workspace, isInput }: AffectedRequest,
): ReadonlySet<number> {
  const affected = new Set<number>();
  const files = new Set(changed);
  const owners = new Set(changed.map((file) => workspace.ownerOf(file)));
  const isCommon = changed.some((file) =>
    parentFolder(file) === workspace.root && COMMON_FILES.has(baseName(file))
  );
  graph.forEach((node, index) => {
    const task = tasks[index];
    if (task === undefined) return;
    const isAffected = task.counted.some((each) => affected.has(each)) ||
      files.has(node.definition.origin.file) ||
      (task.caching === undefined
        ? task.command !== undefined && (isCommon || isOfPackage(node, owners, workspace))
        : changed.some((path) => isInput(task, path)));
    if (isAffected) affected.add(index);
  });
  return affected;
}

/**
 * Returns true if a file of a task's package has changed, or one of a package that it imports. All of
 * them may be inputs of a task that declares none. Those of the root are all files of the project.
 */
function isOfPackage(
  { definition: { origin } }: TaskNode,
  owners: ReadonlySet<WorkspaceFolder | undefined>,
  workspace: Workspace,
): boolean {
  const folder = workspace.at(origin.folder);
  // A folder that is no member has no files of its own.
  if (folder === undefined || folder.isRoot) return owners.size > 0;
  return owners.has(folder) || workspace.imports.all(folder).some((each) => owners.has(each));
}
