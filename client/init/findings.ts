/**
 * Findings of `simmer init` about a project: its package manager, its workspace, where caching is
 * declared, and for each task whether it is cached, can be cached, or runs every time.
 *
 * @module
 */

import { MANAGER_LOCKFILES } from "../../project/manager_lockfiles.ts";
import type { PlannedTaskDescription, TaskDescription } from "../../wire/commands.ts";
import { joinPath, parentFolder, pathInside, visibleKind } from "../../system/files/files.ts";
import { memberOf, type Proposal, proposalFor, readJson } from "./proposals.ts";

/** A task and what would happen to its result. */
export interface TaskFinding {
  readonly name: string;
  readonly package?: string;
  /** The config file that defines it, absolute. */
  readonly file: string;
  readonly command?: string;
  /**
   * `cached`: it declares its inputs; `proposed`: it could declare the proposed ones; `always`: it
   * runs every time.
   */
  readonly verdict: "cached" | "proposed" | "always";
  /** The reason for `always`. */
  readonly reason?: string;
  /** Present for `proposed`. */
  readonly proposal?: Proposal;
}

/** A place where caching is declared. */
interface Declaration {
  /** Absolute. */
  readonly file: string;
  readonly kind: "simmer" | "wireit" | "turbo" | "nx";
  readonly tasks: number;
}

/** Findings about a project. */
export interface Findings {
  readonly root: string;
  /** The package manager, and what it is known by. Absent without a `package.json`. */
  readonly manager?: { readonly name: string; readonly by: string };
  /** Number of folders with tasks, other than the root. */
  readonly members: number;
  readonly declarations: readonly Declaration[];
  readonly tasks: readonly TaskFinding[];
}

/**
 * Combines the lists of tasks and of plans with what the project's files say.
 *
 * @param tasks the tasks of all folders
 * @param planned the same tasks in a plan
 */
export function findingsOf(
  root: string,
  tasks: readonly TaskDescription[],
  planned: readonly PlannedTaskDescription[],
): Findings {
  const own = tasks.filter(({ inherited }) => !inherited);
  const files = [...new Set(own.map(({ file }) => file))];
  const folders = new Set(files.map(parentFolder));
  const manager = managerOf(root);
  const verdicts = new Map(planned.map((task) => [`${task.cwd} ${task.name}`, task]));
  return {
    root,
    ...(manager === undefined ? {} : { manager }),
    members: [...folders].filter((folder) => folder !== root).length,
    declarations: [...rootDeclarations(root), ...files.flatMap(declarationsIn)],
    tasks: own.map((task) =>
      findingOf(task, verdicts.get(`${parentFolder(task.file)} ${task.name}`), root)
    ),
  };
}

function findingOf(
  { name, package: owner, file, command }: TaskDescription,
  planned: PlannedTaskDescription | undefined,
  root: string,
): TaskFinding {
  const common = {
    name,
    file,
    ...(owner === undefined ? {} : { package: owner }),
    ...(command === undefined ? {} : { command }),
  };
  if (planned !== undefined && planned.verdict !== "always") {
    return { ...common, verdict: "cached" };
  }
  const [reason] = planned?.reasons ?? [];
  if (command === undefined) {
    return { ...common, verdict: "always", reason: "it only runs its dependencies" };
  }
  if (reason !== undefined && reason.kind !== "undeclared") {
    return { ...common, verdict: "always", reason: reason.text };
  }
  const proposal = proposalFor({ command, folder: parentFolder(file) }, root);
  return "kind" in proposal
    ? { ...common, verdict: "always", reason: `it ${proposal.reason}` }
    : { ...common, verdict: "proposed", proposal };
}

function managerOf(root: string): Findings["manager"] {
  const config = readJson(joinPath(root, "package.json"));
  if (config === undefined) return undefined;
  const named = memberOf(config, "packageManager");
  if (typeof named === "string") return { name: named.replace(/\+.*$/, ""), by: "packageManager" };
  const found = MANAGER_LOCKFILES.find(([file]) => visibleKind(joinPath(root, file)) === "file");
  return found === undefined
    ? { name: "npm", by: "no lockfile" }
    : { name: found[1], by: found[0] };
}

function rootDeclarations(root: string): Declaration[] {
  const turbo = ["turbo.json", "turbo.jsonc"].map((name) => joinPath(root, name))
    .find((file) => visibleKind(file) === "file");
  const nx = joinPath(root, "nx.json");
  const count = (value: unknown): number => Object.keys(Object(value)).length;
  return [
    ...(turbo === undefined ? [] : [{
      file: turbo,
      kind: "turbo" as const,
      tasks: count(memberOf(readJson(turbo), "tasks") ?? memberOf(readJson(turbo), "pipeline")),
    }]),
    ...(visibleKind(nx) === "file"
      ? [{
        file: nx,
        kind: "nx" as const,
        tasks: count(memberOf(readJson(nx), "targetDefaults")),
      }]
      : []),
  ];
}

function declarationsIn(file: string): Declaration[] {
  const config = readJson(file);
  const own = memberOf(memberOf(config, "simmer"), "tasks");
  const wireit = memberOf(config, "wireit");
  return [
    ...(own === undefined ? [] : [{ file, kind: "simmer" as const, tasks: countOf(own) }]),
    ...(wireit === undefined ? [] : [{ file, kind: "wireit" as const, tasks: countOf(wireit) }]),
  ];
}

function countOf(value: unknown): number {
  return Object.keys(Object(value)).length;
}

/** Returns a path as it is shown: relative to the root. */
export function shownPath(root: string, path: string): string {
  return pathInside(root, path) || path;
}
