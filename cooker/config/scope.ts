/**
 * Resolves task names: finds the task that a name means, seen from one folder of a project.
 *
 * @module
 */

import type { TaskDefinition, TaskFile } from "./tasks.ts";

/** A task, with the scope in which the names of its dependencies are looked up. */
export interface FoundTask {
  readonly task: TaskDefinition;
  readonly scope: TaskScope;
}

/**
 * The tasks that can be found from one folder. The folder's `deno.json` comes before its
 * `package.json`, and both come before the files of the workspace root. The dependencies of a root
 * task are looked up only among the root's tasks, even if a member uses the task.
 */
export class TaskScope {
  /** Config files of the folder itself. The first one that defines a name wins. */
  readonly files: readonly TaskFile[];
  /** The scope in which names are looked up that this folder does not define. */
  readonly parent: TaskScope | undefined;

  /**
   * @param files config files of the folder; the first one that defines a name wins
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
    for (const file of this.files) {
      const task = file.tasks.get(name);
      if (task !== undefined) return { task, scope: this };
    }
    return undefined;
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

/** Returns the tasks of several files. The first file that defines a name wins. */
function tasksOf(files: readonly TaskFile[]): TaskDefinition[] {
  const found = new Map<string, TaskDefinition>();
  for (const { tasks } of files) {
    for (const [name, task] of tasks) if (!found.has(name)) found.set(name, task);
  }
  return [...found.values()];
}
