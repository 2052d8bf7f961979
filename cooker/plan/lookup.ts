/**
 * Resolves the names of tasks that are typed on a command line or written as dependencies.
 *
 * A name is looked up in a folder's scope first. `package#task` is the task of another package, and
 * `^task` in a dependency that of each package that the folder imports. All names may have
 * wildcards.
 *
 * @module
 */

import { projectError, type WireError } from "../../wire/errors.ts";
import { dependencyPlace } from "../config/dependency_place.ts";
import type { FoundTask, TaskScope } from "../config/scope.ts";
import type { TaskDefinition } from "../config/tasks.ts";
import { type FullName, parseFullName, type Workspace } from "../config/workspace.ts";
import { excerpt } from "../../wire/near_names.ts";
import { neededTasks, type ResolvedNeed, tasksAlongside, tasksOfMembers } from "./references.ts";
import { availableTasks, nearestName, TaskPattern } from "./task_names.ts";

/** Begins a dependency on the tasks of the packages that a package imports, as in Turborepo. */
const UPSTREAM = "^";

/** Resolves the names of one project's tasks. */
export class TaskLookup {
  readonly #workspace: Workspace;
  /** Names of the tasks that any folder itself defines. */
  #ownNames: ReadonlySet<string> | undefined;

  constructor(workspace: Workspace) {
    this.#workspace = workspace;
  }

  /** Returns the tasks that a typed name matches, without those that an earlier match depends on. */
  requested(scope: TaskScope, name: string): FoundTask[] {
    const exact = scope.find(name);
    if (exact !== undefined) return [exact];
    const full = parseFullName(name);
    if (full !== undefined) return this.#uncovered(this.#fullyNamed(full));
    if (TaskPattern.isPattern(name)) return this.#uncovered(matches(scope, name));
    return scope.parent === undefined ? this.#declaredForAll(name) : [];
  }

  /**
   * Returns the tasks of a name that the root's `turbo.json` declares for all packages. As with
   * Turborepo, the name means all of them at the root.
   */
  #declaredForAll(name: string): FoundTask[] {
    return tasksOfMembers(name, this.#workspace)
      .filter(({ task }) => task.declaration?.source === "turbo.json");
  }

  /**
   * Returns the tasks that a task depends on.
   *
   * @throws {WireError} `projectError` of kind `unknown-task` if a name matches no task
   */
  dependencies(found: FoundTask): ResolvedNeed[] {
    const named = found.task.dependencies.flatMap((name) => {
      const dependencies = this.#dependenciesNamed(found, name);
      // No package that this one imports has to have the task, but some package has to.
      const isMissing = dependencies.length === 0 &&
        !this.#isOwnAnywhere(upstreamName(name));
      if (isMissing) throw this.unknown(name, found.scope, found.task);
      return dependencies.map((each) => ({ found: each, isCounted: true }));
    });
    return [...named, ...neededTasks(found.task, this.#workspace)];
  }

  /** Returns the tasks that run at the same time as a requested task. */
  alongside({ task }: FoundTask): FoundTask[] {
    return tasksAlongside(task, this.#workspace);
  }

  /** Returns the error for a name that matches no task. */
  unknown(name: string, scope: TaskScope, dependent?: TaskDefinition): WireError {
    const names = this.#candidates(name, scope);
    const nearest = TaskPattern.isPattern(name) ? undefined : nearestName(name, names);
    return projectError(`Task not found: ${excerpt(name)}`, {
      kind: "unknown-task",
      task: excerpt(name),
      ...(dependent === undefined
        ? {}
        : { file: dependent.origin.file, ...dependencyPlace(dependent, name) }),
      ...(nearest === undefined ? {} : { nearest }),
      details: [
        ...(dependent === undefined
          ? []
          : [`The task ${excerpt(this.#workspace.taskName(dependent))} depends on it.`]),
        ...availableTasks(name, names),
      ],
    });
  }

  /** Returns the tasks that a dependency's name matches. The result is empty if there are none. */
  #dependenciesNamed({ scope, task }: FoundTask, name: string): FoundTask[] {
    const exact = scope.find(name);
    if (exact !== undefined) return [exact];
    const upstream = upstreamName(name);
    if (upstream !== undefined) return this.#upstream(task, upstream);
    const full = parseFullName(name);
    if (full === undefined && !TaskPattern.isPattern(name)) return [];
    const found = full === undefined ? matches(scope, name) : this.#fullyNamed(full);
    return found.filter((each) => each.task !== task);
  }

  /** Returns the tasks of that name of the packages that a task's own package imports. */
  #upstream({ origin }: TaskDefinition, name: string): FoundTask[] {
    const folder = this.#workspace.at(origin.folder);
    if (folder === undefined) return [];
    return this.#workspace.imports
      .nearest(folder, ({ scope }) => ownTasks(scope, name).length > 0)
      .flatMap(({ scope }) => ownTasks(scope, name));
  }

  #isOwnAnywhere(name: string | undefined): boolean {
    if (name === undefined) return false;
    const names = this.#allOwnNames();
    if (names.has(name) || !TaskPattern.isPattern(name)) return names.has(name);
    const pattern = TaskPattern.parse(name);
    return [...names].some((each) => pattern.matches(each));
  }

  #allOwnNames(): ReadonlySet<string> {
    return this.#ownNames ??= new Set(
      this.#workspace.folders.flatMap(({ scope }) => scope.ownNames()),
    );
  }

  /** Returns the names that could have been meant. */
  #candidates(name: string, scope: TaskScope): string[] {
    if (upstreamName(name) !== undefined) {
      return [...this.#allOwnNames()].map((each) => `${UPSTREAM}${each}`);
    }
    return parseFullName(name) === undefined ? scope.names() : this.#fullNames();
  }

  /** Returns the tasks of the packages that a full name means. A root's task is not a member's. */
  #fullyNamed({ package: owner, task }: FullName): FoundTask[] {
    return this.#workspace.named(owner).flatMap(({ scope }) => ownTasks(scope, task));
  }

  #fullNames(): string[] {
    return this.#workspace.folders
      .flatMap(({ scope }) => scope.tasks().filter(({ origin }) => scope.files.includes(origin)))
      .map((task) => this.#workspace.taskName(task));
  }

  /** Leaves out tasks that an earlier one depends on. */
  #uncovered(found: readonly FoundTask[]): FoundTask[] {
    const covered = new Set<TaskDefinition>();
    const uncovered: FoundTask[] = [];
    for (const each of found) {
      if (covered.has(each.task)) continue;
      uncovered.push(each);
      this.#cover(each, covered);
    }
    return uncovered;
  }

  #cover(found: FoundTask, covered: Set<TaskDefinition>): void {
    const open = [found];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (covered.has(next.task)) continue;
      covered.add(next.task);
      const visited = next;
      open.push(
        ...visited.task.dependencies.flatMap((name) => this.#dependenciesNamed(visited, name)),
        ...neededTasks(visited.task, this.#workspace).map((each) => each.found),
      );
    }
  }
}

function matches(scope: TaskScope, name: string): FoundTask[] {
  const pattern = TaskPattern.parse(name);
  return scope.names()
    .filter((candidate) => pattern.matches(candidate))
    .map((candidate) => scope.find(candidate))
    .filter((found) => found !== undefined);
}

/** Returns the tasks that a folder itself defines and that a name matches. */
function ownTasks(scope: TaskScope, name: string): FoundTask[] {
  const exact = scope.findOwn(name);
  if (exact !== undefined) return [exact];
  if (!TaskPattern.isPattern(name)) return [];
  const pattern = TaskPattern.parse(name);
  return scope.ownNames()
    .filter((candidate) => pattern.matches(candidate))
    .map((candidate) => scope.findOwn(candidate))
    .filter((found) => found !== undefined);
}

/** Returns the task's name in `^task`, and `undefined` for other names. */
export function upstreamName(name: string): string | undefined {
  return name.startsWith(UPSTREAM) && name.length > 1 ? name.slice(UPSTREAM.length) : undefined;
}
