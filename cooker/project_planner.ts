/**
 * Turns the request of a run into a plan of its tasks: reads the config and the workspace, builds
 * the graph, and narrows it to the tasks that changed files affect.
 *
 * @module
 */

import type { Logger } from "../system/logger.ts";
import { processorCount } from "../system/environment.ts";
import { realFolder } from "../system/files/files.ts";
import type { RunTasksParams } from "../wire/commands.ts";
import { WireError } from "../wire/errors.ts";
import { excerpt } from "../wire/near_names.ts";
import { inputSpec, outputSpec } from "./cache/declared_files.ts";
import { ProjectConfig } from "./config/project.ts";
import { isWorkspaceRun, selectFolders } from "./config/selection.ts";
import { SourceImports } from "./config/source_imports.ts";
import type { TaskDefinition, TaskFile } from "./config/tasks.ts";
import type { Workspace } from "./config/workspace.ts";
import { WorkspaceMemo } from "./config/workspace_memo.ts";
import type { FileSet } from "./inputs/file_set.ts";
import type { InputTracker } from "./inputs/tracker.ts";
import { affectedTasks } from "./plan/affected.ts";
import {
  buildGraph,
  buildWorkspaceGraph,
  type GraphRequest,
  type TaskGraph,
} from "./plan/graph.ts";
import { ProjectLockfiles } from "./plan/lockfiles.ts";
import { npmSetups } from "./plan/npm_setup.ts";
import { type BuildPlan, planCommandLine, type PlannedTask, planTasks } from "./plan/plan.ts";
import { PlanMemo, type Planned } from "./plan/plan_memo.ts";

/** Options of a {@linkcode ProjectPlanner}. */
interface ProjectPlannerOptions {
  /** The project's root folder, absolute, with links resolved. */
  readonly root: string;
  /** The config file that the user has named, absolute. */
  readonly config?: string;
  readonly tracker: InputTracker;
  readonly log: Logger;
}

/** Makes the plans of a project's runs. */
export class ProjectPlanner {
  /** The config files, as they were read last. */
  readonly config: ProjectConfig;
  readonly #options: ProjectPlannerOptions;
  readonly #sources: SourceImports;
  readonly #plans = new PlanMemo({
    configSet: () => this.#configSet(),
    plan: (params) => this.plan(params),
    sources: () => this.#sources.dependencies(),
  });
  readonly #workspaces = new WorkspaceMemo({
    configSet: () => this.#configSet(),
    read: () => this.config.workspace(),
  });
  #configFiles:
    | { readonly entries: readonly string[]; readonly set: FileSet | undefined }
    | undefined;

  /** @param options the project; no config is read before a plan or the workspace is requested */
  constructor(options: ProjectPlannerOptions) {
    const { tracker, log } = options;
    this.#options = options;
    this.#sources = new SourceImports({
      setOf: (folder, entries) => tracker.set(folder, entries),
      note: (text) => log.log("warn", text),
    });
    this.config = new ProjectConfig(options, this.#sources);
  }

  /** The folders of the workspace, which are read again if a config file has changed. */
  get workspace(): Workspace {
    return this.#workspaces.get();
  }

  /**
   * Returns the plan of a run: the last one of the same request if it is still valid.
   *
   * @throws {WireError} if the config or the request is wrong
   */
  planFor(params: RunTasksParams): Planned {
    return this.#plans.get(params);
  }

  /**
   * Makes the plan of a run anew.
   *
   * @throws {WireError} if the config or the request is wrong
   */
  plan(params: RunTasksParams): BuildPlan {
    // With this variable, Deno ignores every package.json.
    const npmBins = "DENO_NO_PACKAGE_JSON" in params.env ? undefined : this.config.npmBins();
    const name = this.config.name();
    const npm = npmSetups(this.config, this.#options.root, params);
    const place = {
      root: this.#options.root,
      npm,
      ...(name === undefined ? {} : { name }),
      processors: processorCount(),
      denoFlags: params.denoFlags,
      ...(npmBins === undefined ? {} : { npmBins }),
    };
    if (params.eval) return planCommandLine(params, place);
    const workspace = this.workspace;
    workspace.imports.refresh();
    const lockfiles = new ProjectLockfiles(this.#options.root, workspace);
    const whole = {
      ...place,
      lockfilesOf: (definition: TaskDefinition) => lockfiles.of(definition),
    };
    const runsHooks = (file: TaskFile): boolean => npm(file)?.runsHooks !== false;
    const graph = this.#graph(params, workspace, { runsHooks });
    const plan = planTasks(graph, params, whole);
    if (params.affected === undefined) return plan;
    const only = this.#affected(params, { graph, tasks: plan.tasks, workspace });
    return planTasks(this.#graph(params, workspace, { runsHooks, only }), params, whole);
  }

  #graph(
    params: RunTasksParams,
    workspace: Workspace,
    filters: Pick<GraphRequest, "only" | "runsHooks">,
  ): TaskGraph {
    const { tasks: names, ifPresent, affected } = params;
    // Changes may affect any package, so that all of them are asked.
    const isOfAll = affected !== undefined && !workspace.isSingle;
    if (isWorkspaceRun(params) || isOfAll) {
      const selected = selectFolders(
        workspace,
        isWorkspaceRun(params) ? params : {
          ...params,
          recursive: true,
        },
      );
      const { isOfPackages } = workspace;
      return buildWorkspaceGraph({
        workspace,
        selected,
        isOfPackages,
        names,
        ifPresent,
        ...filters,
      });
    }
    const scope = this.config.scopeAt(realFolder(params.taskCwd ?? params.cwd));
    return buildGraph({ workspace, scope, names, ifPresent, ...filters });
  }

  /** Returns the tasks of a graph that the client's changed files affect. */
  #affected(
    { affected = "", changes }: RunTasksParams,
    plan: {
      readonly graph: TaskGraph;
      readonly tasks: readonly PlannedTask[];
      readonly workspace: Workspace;
    },
  ): ReadonlySet<TaskDefinition> {
    const { tracker } = this.#options;
    const changed = changes?.[affected];
    if (changed === undefined) {
      throw new WireError("invalidParams", `"changes" has no files under "${excerpt(affected)}"`);
    }
    const found = affectedTasks({
      ...plan,
      changed,
      isInput: ({ caching, cwd }, path) =>
        caching !== undefined &&
        ((tracker.set(cwd, inputSpec(caching))?.patterns.matches(path) === true &&
          tracker.set(cwd, outputSpec(caching.output, caching), "output")?.patterns
              .matches(path) !== true) ||
          (caching.imported ?? []).some(({ folder, entries }) =>
            tracker.set(folder, entries)?.patterns.matches(path) === true
          )),
    });
    return new Set(
      plan.graph.filter((_, index) => found.has(index)).map((node) => node.definition),
    );
  }

  /**
   * Returns the set of all files that the config depends on. The set is the same object as long as
   * no file is added.
   */
  #configSet(): FileSet | undefined {
    const { entries } = this.config;
    if (this.#configFiles?.entries !== entries) {
      const set = this.#options.tracker.set(this.#options.root, entries);
      this.#configFiles = { entries, set };
    }
    return this.#configFiles.set;
  }
}
