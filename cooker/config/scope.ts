/**
 * Which task a name means, seen from one folder of a project.
 *
 * @module
 */

import type { TaskDefinition, TaskFile } from "./tasks.ts";

/** A task, and where the names of its dependencies are looked up. */
export interface FoundTask {
  readonly task: TaskDefinition;
  readonly scope: TaskScope;
}

/**
 * The tasks of a folder: its own `deno.json` before its `package.json`, and before those of the
 * workspace's root. A root task found from a member sees the root's tasks alone.
 */
export class TaskScope {
  /** Config files of the folder itself, first come first found. */
  readonly files: readonly TaskFile[];
  /** Where names are looked up that are not found here. */
  readonly parent: TaskScope | undefined;

  /**
   * @param files config files of the folder, first come first found
   * @param parent the workspace root's scope, for a member
   */
  constructor(files: readonly TaskFile[], parent?: TaskScope) {
    this.files = files;
    this.parent = parent;
  }

  /** The task of that exact name. */
  find(name: string): FoundTask | undefined {
    for (const file of this.files) {
      const task = file.tasks.get(name);
      if (task !== undefined) return { task, scope: this };
    }
    return this.parent?.find(name);
  }

  /** Every task that can be found, in lookup order. */
  tasks(): TaskDefinition[] {
    const found = new Map<string, TaskDefinition>();
    for (const { tasks } of [...this.files, ...(this.parent?.files ?? [])]) {
      for (const [name, task] of tasks) if (!found.has(name)) found.set(name, task);
    }
    return [...found.values()];
  }

  /** Their names. */
  names(): string[] {
    return this.tasks().map((task) => task.name);
  }
}
