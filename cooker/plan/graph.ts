/**
 * Builds the task graph of a run: resolves the requested names to tasks, and collects the
 * dependencies of each.
 *
 * The nodes are sorted so that every task comes after those that it depends on, in the order in
 * which `deno task` visits them. The position of a node is its index.
 *
 * @module
 */

import { projectError, type WireError } from "../../wire/errors.ts";
import type { ImportedFolder } from "../inputs/importing_set.ts";
import type { FoundTask, TaskScope } from "../config/scope.ts";
import type { SelectedFolders } from "../config/selection.ts";
import { parseFullName, type Workspace, type WorkspaceFolder } from "../config/workspace.ts";
import type { TaskDefinition, TaskFile } from "../config/tasks.ts";
import { excerpt } from "../../wire/near_names.ts";
import { parsePackageFilter } from "../../project/package_filter.ts";
import { TaskLookup, upstreamName } from "./lookup.ts";
import type { ResolvedNeed } from "./references.ts";
import { nearestName, TaskPattern } from "./task_names.ts";

/** A node of the graph. */
export interface TaskNode {
  /** Unique in the graph: the task's full name, `package#task` in a workspace. */
  readonly id: string;
  readonly name: string;
  readonly definition: TaskDefinition;
  /** Indices of the nodes that must finish first. */
  readonly dependencies: readonly number[];
  /**
   * The subset of `dependencies` that the config names or that come from `pre` and `post` steps.
   * Those that exist only because a folder imports another one are left out.
   */
  readonly declared: readonly number[];
  /** The subset of `declared` whose results count for the task's own. */
  readonly counted: readonly number[];
  /**
   * The folders of the workspace whose files are inputs, because the task's package imports them:
   * all of them, directly or not, except those whose tasks count by a dependency `^task`. Empty if
   * the task declares no inputs.
   */
  readonly imported: readonly ImportedFolder[];
  /** True for a `pre` or `post` script of another script. */
  readonly isHook: boolean;
  /** True if the run's arguments are passed to this task. */
  readonly takesArguments: boolean;
  /** True if the client requested the task. False if it only runs as a dependency. */
  readonly requested: boolean;
  /** True if the client requested the task, or the script that it is a `pre` or `post` step of. */
  readonly isRequestedStep: boolean;
  /** The name of its package. Absent in a project that is no workspace, and at a root without one. */
  readonly package?: string;
}

/** The tasks of a build. */
export type TaskGraph = readonly TaskNode[];

/** The input of {@linkcode buildGraph}. */
export interface GraphRequest {
  /** The project's folders. */
  readonly workspace: Workspace;
  /** The scope in which names are looked up. */
  readonly scope: TaskScope;
  /** Names or wildcards, as typed. */
  readonly names: readonly string[];
  /** Ignores names that match no task, instead of failing. */
  readonly ifPresent: boolean;
  /** Of the tasks that match, only these are requested; absent: all. */
  readonly only?: ReadonlySet<TaskDefinition> | undefined;
  /** As in {@linkcode WorkspaceRequest}. */
  readonly runsHooks?: (file: TaskFile) => boolean;
}

/** The range of nodes of one task. A script is surrounded by its `pre` and `post` scripts. */
interface Steps {
  readonly first: number;
  readonly last: number;
}

interface Visit {
  readonly found: FoundTask;
  readonly dependencies: readonly ResolvedNeed[];
  next: number;
}

/**
 * Builds the graph of a run.
 *
 * @throws {WireError} `projectError` of kind `unknown-task` or `cycle`, before any task has run
 */
export function buildGraph(request: GraphRequest): TaskGraph {
  const { workspace, scope, names, ifPresent, only, runsHooks } = request;
  const lookup = new TaskLookup(workspace);
  const builder = new GraphBuilder(workspace, lookup, runsHooks);
  let target: TaskDefinition | undefined;
  for (const name of names) {
    const found = lookup.requested(scope, name);
    if (found.length === 0 && !ifPresent) throw lookup.unknown(name, scope);
    const wanted = found.filter(({ task }) => only?.has(task) ?? true);
    for (const task of wanted) builder.request(task);
    target = wanted.at(-1)?.task ?? target;
  }
  return builder.finish(target);
}

/** The input of {@linkcode buildWorkspaceGraph}. */
interface WorkspaceRequest {
  /** The project's folders. */
  readonly workspace: Workspace;
  /** The selected folders. */
  readonly selected: SelectedFolders;
  /**
   * True if only tasks run that a folder itself defines, and the root's only if no member has one of
   * that name, as under npm and pnpm. Otherwise, members inherit the root's tasks, as in `deno task`.
   */
  readonly isOfPackages: boolean;
  /** Names or wildcards, as typed. */
  readonly names: readonly string[];
  /** Ignores names that match no task, instead of failing. */
  readonly ifPresent: boolean;
  /** Of the tasks that match, only these are requested; absent: all. */
  readonly only?: ReadonlySet<TaskDefinition> | undefined;
  /** Returns true if the scripts of a file run with their `pre` and `post` scripts. Default: all. */
  readonly runsHooks?: (file: TaskFile) => boolean;
}

/**
 * Builds the graph of a run over a workspace. The tasks of a folder wait for the requested tasks of
 * the folders that it imports.
 *
 * @throws {WireError} `projectError` of kind `unknown-task`, `no-match` or `cycle`
 */
export function buildWorkspaceGraph(request: WorkspaceRequest): TaskGraph {
  const { workspace, selected, isOfPackages, names, ifPresent, only, runsHooks } = request;
  const lookup = new TaskLookup(workspace);
  const builder = new GraphBuilder(workspace, lookup, runsHooks);
  const found = new Map(
    selected.folders.map((folder) => [
      folder,
      names.flatMap((name) => requestedIn(folder, name, { isOfPackages, lookup })),
    ]),
  );
  const isInMember = [...found].some(([{ isRoot }, tasks]) => !isRoot && tasks.length > 0);
  const wanted = new Map<WorkspaceFolder, readonly FoundTask[]>();
  let target: TaskDefinition | undefined;
  for (const folder of workspace.imports.order(selected.folders)) {
    // The root's script of that name usually runs the members' scripts.
    if (folder.isRoot && isOfPackages && isInMember && !selected.isByFilter) continue;
    const tasks = (found.get(folder) ?? []).filter(({ task }) => only?.has(task) ?? true);
    const before = workspace.imports.nearest(folder, (each) => wanted.has(each));
    builder.enter(folder.folder, before.flatMap((each) => wanted.get(each) ?? []));
    if (tasks.length > 0) wanted.set(folder, tasks);
    for (const task of tasks) builder.request(task);
    target = tasks.at(-1)?.task ?? target;
  }
  const mayBeEmpty = ifPresent || selected.mayBeEmpty || only !== undefined;
  if (target === undefined && !mayBeEmpty) {
    throw noMatch(names, selected, workspace);
  }
  return builder.finish(target);
}

/** Returns the tasks that a typed name matches in one folder of the workspace. */
function requestedIn(
  { folder, scope }: WorkspaceFolder,
  name: string,
  { isOfPackages, lookup }: { readonly isOfPackages: boolean; readonly lookup: TaskLookup },
): FoundTask[] {
  const found = lookup.requested(scope, name);
  // A full name means the same tasks from every folder.
  const isFull = parseFullName(name) !== undefined && scope.find(name) === undefined;
  return isFull || isOfPackages ? found.filter(({ task }) => task.origin.folder === folder) : found;
}

function noMatch(
  names: readonly string[],
  { folders, unmatched }: SelectedFolders,
  workspace: Workspace,
): WireError {
  const [filter] = unmatched;
  if (folders.length === 0 && filter !== undefined) {
    const packages = workspace.folders.flatMap(({ folder }) => workspace.packageAt(folder) ?? []);
    const { name, part } = parsePackageFilter(filter) ?? {};
    const nearest = nearestName(name ?? part ?? filter, packages);
    return projectError(`No package matches the filter '${excerpt(filter)}'.`, {
      kind: "no-match",
      ...(nearest === undefined ? {} : { nearest }),
    });
  }
  const available = [...new Set(folders.flatMap(({ scope }) => scope.names()))];
  const name = names.join(" ");
  const nearest = TaskPattern.isPattern(name) ? undefined : nearestName(name, available);
  const typed = excerpt(name);
  return projectError(`No matching task or script '${typed}' found in selected packages.`, {
    kind: "no-match",
    task: typed,
    ...(nearest === undefined ? {} : { nearest }),
    details: folders.length === 0 ? ["No package is selected."] : [],
  });
}

class GraphBuilder {
  readonly #workspace: Workspace;
  readonly #lookup: TaskLookup;
  readonly #nodes: Omit<
    TaskNode,
    "id" | "takesArguments" | "requested" | "isRequestedStep" | "package"
  >[] = [];
  readonly #requested = new Set<TaskDefinition>();
  /** The requested tasks of imported folders. The tasks of `folder` wait for them. */
  #barrier: { readonly folder: string; readonly tasks: readonly FoundTask[] } | undefined;
  readonly #steps = new Map<TaskDefinition, Steps>();
  readonly #runsHooks: (file: TaskFile) => boolean;

  constructor(
    workspace: Workspace,
    lookup: TaskLookup,
    runsHooks: (file: TaskFile) => boolean = () => true,
  ) {
    this.#workspace = workspace;
    this.#lookup = lookup;
    this.#runsHooks = runsHooks;
  }

  /**
   * Starts a new folder. The tasks of this folder that are added from now on wait for `tasks`,
   * which were added before.
   */
  enter(folder: string, tasks: readonly FoundTask[]): void {
    this.#barrier = { folder, tasks };
  }

  /** Adds a task that the client requested. */
  request(found: FoundTask): void {
    if (this.#requested.has(found.task)) return;
    this.#requested.add(found.task);
    this.add(found);
    for (const each of this.#lookup.alongside(found)) this.request(each);
  }

  /** Adds a task after all its dependencies. It does not recurse, so that chains may be long. */
  add(found: FoundTask): void {
    const path: Visit[] = [];
    const onPath = new Set<TaskDefinition>();
    const enter = (next: FoundTask): void => {
      if (this.#steps.has(next.task)) return;
      if (onPath.has(next.task)) {
        throw cycle(path.map((visit) => visit.found.task), next.task, this.#workspace);
      }
      onPath.add(next.task);
      path.push({ found: next, dependencies: this.#lookup.dependencies(next), next: 0 });
    };
    enter(found);
    for (let visit = path.at(-1); visit !== undefined; visit = path.at(-1)) {
      const dependency = visit.dependencies[visit.next++];
      if (dependency !== undefined) {
        enter(dependency.found);
        continue;
      }
      path.pop();
      onPath.delete(visit.found.task);
      this.#append(visit);
    }
  }

  finish(target: TaskDefinition | undefined): TaskGraph {
    const steps = target === undefined ? undefined : this.#steps.get(target);
    const requestedSteps = this.#requestedSteps();
    const ids = uniqueIds(this.#nodes.map((node) => node.definition), this.#workspace);
    return this.#nodes.map((node, index) => ({
      ...node,
      id: ids[index] ?? node.name,
      requested: this.#requested.has(node.definition),
      isRequestedStep: requestedSteps.has(index),
      ...this.#packageOf(node.definition),
      takesArguments: steps !== undefined && index >= steps.first && index <= steps.last,
    }));
  }

  #requestedSteps(): ReadonlySet<number> {
    const found = new Set<number>();
    for (const task of this.#requested) {
      const steps = this.#steps.get(task);
      if (steps === undefined) continue;
      for (let index = steps.first; index <= steps.last; index++) found.add(index);
    }
    return found;
  }

  #packageOf({ origin }: TaskDefinition): { readonly package?: string } {
    const name = this.#workspace.packageAt(origin.folder);
    return name === undefined ? {} : { package: name };
  }

  #append(visit: Visit): void {
    const { task } = visit.found;
    const isOrdered = this.#barrier?.folder === task.origin.folder && task.order !== "declared";
    const before = isOrdered ? this.#barrier?.tasks ?? [] : [];
    const lastOf = (tasks: readonly FoundTask[]): readonly number[] => [
      ...new Set(tasks.flatMap((each) => this.#steps.get(each.task)?.last ?? [])),
    ];
    const needed = visit.dependencies.map((each) => each.found);
    let declared = lastOf(needed);
    let dependencies = lastOf([...needed, ...before]);
    let counted = lastOf(
      visit.dependencies.filter(({ isCounted }) => isCounted).map((each) => each.found),
    );
    const first = this.#nodes.length;
    const covered = this.#covered(visit);
    const steps = this.#runsHooks(task.origin) ? lifecycle(task) : [task];
    for (const definition of steps) {
      const isHook = definition !== task;
      const imported = this.#imported(definition, covered);
      const { name } = definition;
      const node = { name, definition, isHook, dependencies, declared, counted, imported };
      dependencies = [this.#nodes.push(node) - 1];
      declared = dependencies;
      counted = dependencies;
    }
    this.#steps.set(task, { first, last: this.#nodes.length - 1 });
  }

  /**
   * Returns the folders of the cached tasks that a task waits for by `^task`. Their fingerprints
   * contain the files of all folders that they import.
   */
  #covered({ found: { task }, dependencies }: Visit): ReadonlySet<string> {
    if (!task.dependencies.some((name) => upstreamName(name) !== undefined)) return new Set();
    return new Set(
      dependencies.map((each) => each.found.task)
        .filter(({ files, order }) => files.length > 0 && order !== "declared")
        .map(({ origin }) => origin.folder)
        .filter((folder) => folder !== task.origin.folder),
    );
  }

  #imported(
    { files, order, origin }: TaskDefinition,
    covered: ReadonlySet<string>,
  ): readonly ImportedFolder[] {
    const folder = this.#workspace.at(origin.folder);
    if (files.length === 0 || order === "declared" || folder === undefined) return [];
    return this.#workspace.imports.filesBehind(folder, covered);
  }
}

/**
 * Returns the steps of a task. A script runs between its `pre` and `post` scripts, and a task of a
 * `deno.json` runs alone.
 */
function lifecycle(task: TaskDefinition): TaskDefinition[] {
  if (task.origin.source === "deno.json") return [task];
  const { tasks } = task.origin;
  return [tasks.get(`pre${task.name}`), task, tasks.get(`post${task.name}`)]
    .filter((step) => step !== undefined)
    .map((step) => step === task ? step : asStepOf(task, step));
}

/** Returns a `pre` or `post` script, declared as the script that it belongs to. */
function asStepOf({ declaration, order }: TaskDefinition, step: TaskDefinition): TaskDefinition {
  const { command } = step;
  if (declaration?.source !== "turbo.json" || step.declaredIn.source === "simmer") return step;
  const { service: _, ...rest } = declaration;
  return {
    ...step,
    declaration: { ...rest, needs: [], alongside: [] },
    ...(order === undefined ? {} : { order }),
    ...(command === undefined ? {} : { command }),
  };
}

function uniqueIds(definitions: readonly TaskDefinition[], workspace: Workspace): string[] {
  const taken = new Set<string>();
  return definitions.map((definition) => {
    const name = workspace.taskName(definition);
    // A folder may have a task and a `pre` script of one name.
    let id = taken.has(name) ? `${name} (${definition.origin.source})` : name;
    for (let count = 2; taken.has(id); count++) id = `${name} (${count})`;
    taken.add(id);
    return id;
  });
}

function cycle(
  path: readonly TaskDefinition[],
  again: TaskDefinition,
  workspace: Workspace,
): WireError {
  const names = [...path.slice(path.indexOf(again)), again]
    .map((task) => workspace.taskName(task));
  const { file, line } = again.declaredIn;
  return projectError(`Task cycle detected: ${names.join(" -> ")}`, {
    kind: "cycle",
    file,
    line,
    task: workspace.taskName(again),
    path: names,
  });
}
