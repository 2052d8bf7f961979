/**
 * Resolves task names: finds the task that a name means, seen from one folder of a project.
 *
 * @module
 */

import { DECLARATION_SOURCES } from "./declaration.ts";
import type { TaskDefinition, TaskFile } from "./tasks.ts";

/** A task, with the scope in which the names of its dependencies are looked up. */
export interface FoundTask {
  readonly task: TaskDefinition;
  readonly scope: TaskScope;
}

/**
 * The tasks that can be found from one folder. If several files declare a task, the declaration
 * that comes first in `DECLARATION_SOURCES` counts. The folder's tasks come before those of the
 * workspace root. The dependencies of a root task are looked up only among the root's tasks, even
 * if a member uses the task.
 */
export class TaskScope {
  /** Config files of the folder itself. */
  readonly files: readonly TaskFile[];
  /** The scope in which names are looked up that this folder does not define. */
  readonly parent: TaskScope | undefined;

  /**
   * @param files config files of the folder
   * @param parent the workspace root's scope, for a member
   */
  constructor(files: readonly TaskFile[], parent?: TaskScope) {
    this.files = files;
    this.parent = parent;
  }

  /** Finds the task with exactly this name. */
  find(name: string): FoundTask | undefined {
    return this.findOwn(name) ?? this.parent?.find(name);
  }

  /** Finds the task with exactly this name among those that the folder itself defines. */
  findOwn(name: string): FoundTask | undefined {
    const task = preferred(this.files.flatMap((file) => file.tasks.get(name) ?? []));
    return task === undefined ? undefined : { task, scope: this };
  }

  /** Finds the task with this name that the folder defines, also one that no client can name. */
  findNamed(name: string): FoundTask | undefined {
    const [hidden] = this.files.flatMap((file) => file.hidden.get(name) ?? []);
    return this.findOwn(name) ?? (hidden === undefined ? undefined : { task: hidden, scope: this });
  }

  /** Returns every task that can be found, in lookup order. */
  tasks(): TaskDefinition[] {
    return tasksOf([...this.files, ...(this.parent?.files ?? [])]);
  }

  /** Returns the names of {@linkcode tasks}. */
  names(): string[] {
    return this.tasks().map((task) => task.name);
  }

  /** Returns the names of the tasks that the folder itself defines. */
  ownNames(): string[] {
    return tasksOf(this.files).map((task) => task.name);
  }
}

/** Returns the tasks of several files, with one of each name. */
function tasksOf(files: readonly TaskFile[]): TaskDefinition[] {
  const found = new Map<string, TaskDefinition>();
  for (const { tasks } of files) {
    for (const [name, task] of tasks) {
      const other = found.get(name);
      const isSameFolder = other?.origin.folder === task.origin.folder;
      if (other === undefined) found.set(name, task);
      else if (isSameFolder) found.set(name, preferred([other, task]) ?? task);
    }
  }
  return [...found.values()];
}

/** Returns the task of one name whose declaration comes before those of the others. */
function preferred(tasks: readonly TaskDefinition[]): TaskDefinition | undefined {
  let [best] = tasks;
  for (const task of tasks) if (best !== undefined && rank(task) < rank(best)) best = task;
  return best;
}

function rank({ declaredIn }: TaskDefinition): number {
  return DECLARATION_SOURCES.indexOf(declaredIn.source);
}
