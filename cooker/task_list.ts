/**
 * Lists a project's tasks with their descriptions, and where each is declared.
 *
 * @module
 */

import { realFolder } from "../system/files/files.ts";
import type { ListTasksParams, TaskDescription } from "../wire/commands.ts";
import type { ProjectConfig } from "./config/project.ts";
import type { TaskScope } from "./config/scope.ts";
import { isWorkspaceRun, selectFolders } from "./config/selection.ts";
import type { Workspace } from "./config/workspace.ts";
import { hasReferences } from "./plan/references.ts";

/** The project whose tasks are listed. */
interface Listed {
  /** The project's root folder, absolute. */
  readonly root: string;
  readonly config: ProjectConfig;
  readonly workspace: Workspace;
}

/**
 * Lists the tasks that are visible from a folder, or those of the folders that a filter selects.
 *
 * @throws {WireError} if the filter is wrong, or the folder has no config
 */
export function listTasks(
  params: ListTasksParams,
  { root, config, workspace }: Listed,
): TaskDescription[] {
  if (!isWorkspaceRun(params)) {
    const scope = config.scopeAt(realFolder(params.cwd ?? root));
    return describeScope(scope, workspace);
  }
  workspace.imports.refresh();
  return selectFolders(workspace, params).folders.flatMap(({ folder, scope }) => {
    const name = workspace.packageAt(folder);
    const whose = name === undefined ? {} : { package: name };
    return describeScope(scope, workspace)
      // As in a run, packages do not inherit the root's tasks.
      .filter(({ inherited }) => !(inherited && workspace.isOfPackages))
      .map((task) => ({ ...task, ...whose }));
  });
}

/**
 * Describes the tasks that are visible from a folder. Tasks of the workspace's root are marked as
 * inherited.
 */
function describeScope(scope: TaskScope, workspace: Workspace): TaskDescription[] {
  return scope.tasks().map((task) => {
    const { name, description, command, dependencies, origin, declaration } = task;
    const needs = hasReferences(task) ? declaration?.needs ?? [] : [];
    const { source, file, line } = task.declaredIn;
    return {
      task: workspace.taskName(task),
      name,
      dependencies: [...dependencies, ...needs.map(({ text }) => text)],
      declaredIn: { source, file, line },
      source: origin.source,
      file: origin.file,
      inherited: !scope.files.includes(origin),
      ...(description === undefined ? {} : { description }),
      ...(command === undefined ? {} : { command }),
    };
  });
}
