/**
 * Resolves references to tasks in the configs of other tools.
 *
 * @module
 */

import type { TaskReference } from "../config/declaration.ts";
import type { FoundTask } from "../config/scope.ts";
import type { TaskDefinition } from "../config/tasks.ts";
import type { Workspace, WorkspaceFolder } from "../config/workspace.ts";
import { projectError } from "../../wire/errors.ts";
import { excerpt } from "../../wire/near_names.ts";
import { nearestName } from "./task_names.ts";

/** A resolved dependency. */
export interface ResolvedNeed {
  readonly found: FoundTask;
  /** False if its result does not count for the dependent. */
  readonly isCounted: boolean;
}

/** Returns true if a task reads in its packages what another tool's config says about it. */
export function hasReferences({ declaration, settings }: TaskDefinition): boolean {
  // The task's own settings replace the list.
  return declaration !== undefined && settings?.declared?.dependencies === undefined;
}

/**
 * Returns the tasks that have to run before a task.
 *
 * @throws {WireError} `projectError` of kind `invalid-config` if a reference names nothing, or a
 *   task that does not end
 */
export function neededTasks(task: TaskDefinition, workspace: Workspace): ResolvedNeed[] {
  if (!hasReferences(task)) return [];
  return (task.declaration?.needs ?? []).flatMap((reference) =>
    resolve(reference, task, workspace).map((found) => {
      if (found.task.declaration?.isPersistent === true) {
        throw mistake(
          reference,
          `"${task.name}" cannot depend on "${excerpt(reference.text)}", because that task is ` +
            "persistent and does not end",
        );
      }
      return { found, isCounted: reference.isCounted ?? true };
    })
  );
}

/**
 * Returns the tasks that run at the same time as a requested task.
 *
 * @throws {WireError} `projectError` of kind `invalid-config` if a reference names nothing
 */
export function tasksAlongside(task: TaskDefinition, workspace: Workspace): FoundTask[] {
  return (task.declaration?.alongside ?? [])
    .flatMap((reference) => resolve(reference, task, workspace));
}

/** Returns the task of each member of the workspace that has one of a name. */
export function tasksOfMembers(name: string, workspace: Workspace): FoundTask[] {
  return workspace.folders.filter(({ isRoot }) => !isRoot)
    .flatMap(({ scope }) => scope.findOwn(name) ?? []);
}

function resolve(
  reference: TaskReference,
  { origin }: TaskDefinition,
  workspace: Workspace,
): FoundTask[] {
  const { name } = reference;
  switch (reference.kind) {
    case "own": {
      const own = workspace.find(origin.folder);
      return [required(reference, own === undefined ? [] : [own], workspace)];
    }
    case "upstream": {
      const own = workspace.at(origin.folder);
      const imported = own === undefined ? [] : workspace.imports.of(own);
      const found = imported.flatMap(({ scope }) => scope.findNamed(name) ?? []);
      const isKnown = found.length > 0 ||
        workspace.folders.some(({ scope }) => scope.findNamed(name) !== undefined);
      if (!isKnown) {
        const names = workspace.folders.flatMap(namesIn).map((each) => `^${each}`);
        throw unknown(reference, "no package has such a task", names);
      }
      return found;
    }
    case "everywhere":
      return tasksOfMembers(name, workspace);
    case "package": {
      const folders = workspace.named(reference.package);
      if (folders.length === 0) {
        const names = workspace.folders.flatMap(({ folder }) => workspace.packageAt(folder) ?? []);
        const nearest = nearestName(reference.package, names);
        const advice = nearest === undefined ? "" : `. Did you mean "${nearest}#${name}"?`;
        throw mistake(
          reference,
          `"${excerpt(reference.text)}" names the package "${
            excerpt(reference.package)
          }", which does not exist${advice}`,
        );
      }
      return [required(reference, folders, workspace)];
    }
    case "folder": {
      const folder = workspace.find(reference.folder);
      if (folder === undefined) {
        throw mistake(
          reference,
          `"${excerpt(reference.text)}" names a folder without a package.json: ${reference.folder}`,
        );
      }
      return [required(reference, [folder], workspace)];
    }
  }
}

/** Returns the task of the first folder that has it. */
function required(
  reference: TaskReference,
  folders: readonly WorkspaceFolder[],
  workspace: Workspace,
): FoundTask {
  for (const { scope } of folders) {
    const found = scope.findNamed(reference.name);
    if (found !== undefined) return found;
  }
  const names = [...folders, ...workspace.folders].flatMap(namesIn);
  throw unknown(reference, "there is no such task", names);
}

function namesIn({ files }: WorkspaceFolder): string[] {
  return files.flatMap(({ tasks, hidden }) => [...tasks.keys(), ...hidden.keys()]);
}

function unknown(reference: TaskReference, reason: string, names: readonly string[]): Error {
  const name = reference.kind === "upstream" ? reference.text : reference.name;
  const nearest = nearestName(name, names);
  const advice = nearest === undefined ? "" : `. Did you mean "${nearest}"?`;
  return mistake(reference, `"${excerpt(reference.text)}" names nothing: ${reason}${advice}`);
}

function mistake({ place }: TaskReference, text: string): Error {
  const { file, line, column } = place;
  return projectError(`Invalid config: ${file}:${line}:${column}: ${text}`, {
    kind: "invalid-config",
    ...place,
  });
}
