/**
 * Adds what `turbo.json` files declare to the scripts of packages.
 *
 * @module
 */

import { twiceDeclared } from "./declaration.ts";
import type { TaskDefinition, TaskFile } from "./tasks.ts";
import type { TurboConfig } from "./turbo_config.ts";
import type { TurboPackages } from "./turbo_packages.ts";
import { turboDeclarations } from "./turbo_tasks.ts";

/** Facts about a project that are known when its scripts get their declarations. */
export interface TurboProject {
  /** The project's root folder, absolute. */
  readonly root: string;
  /** The root's config. */
  readonly config: TurboConfig;
  /** True if the project is no workspace. The root's tasks are then those of its package. */
  readonly isSingle: boolean;
  readonly packages: TurboPackages;
  /** Returns the config of the package in a folder. */
  readonly configIn: (folder: string) => TurboConfig | undefined;
  /** Folders of the packages that the root depends on, directly or through others. */
  readonly rootDependencies: readonly string[];
}

/** The declarations of a package that were made last, with everything that they depend on. */
interface Kept {
  readonly scripts: TaskFile;
  readonly facts: readonly unknown[];
  readonly file: TaskFile;
}

/** Adds declarations, and keeps the last ones, so that equal configs give the same objects. */
export class TurboLayer {
  readonly #kept = new Map<string, Kept>();

  /**
   * Returns the scripts of a package with what the configs declare about them.
   *
   * @throws {WireError} `projectError` of kind `invalid-config`
   */
  apply(scripts: TaskFile, project: TurboProject): TaskFile {
    const { folder } = scripts;
    const own = folder === project.root ? undefined : project.configIn(folder);
    const [, ...others] = own?.extends ?? [];
    const chain = others.map(({ text }) => this.#configOf(text, project));
    const facts = [
      project.config,
      own,
      ...chain,
      project.isSingle,
      project.rootDependencies.join("\n"),
    ];
    const kept = this.#kept.get(folder);
    if (kept?.scripts === scripts && isSame(kept.facts, facts)) return kept.file;
    const file = declared(scripts, own, project, (name) => this.#configOf(name, project));
    this.#kept.set(folder, { scripts, facts, file });
    return file;
  }

  #configOf(name: string, { packages, configIn }: TurboProject): TurboConfig | undefined {
    const folder = packages.folders.get(name);
    return folder === undefined ? undefined : configIn(folder);
  }
}

function isSame(one: readonly unknown[], other: readonly unknown[]): boolean {
  return one.length === other.length && one.every((each, at) => each === other[at]);
}

function declared(
  scripts: TaskFile,
  own: TurboConfig | undefined,
  project: TurboProject,
  of: (name: string) => TurboConfig | undefined,
): TaskFile {
  const { root, config, isSingle, packages, rootDependencies } = project;
  const { packageName: name, folder, frameworkVariables } = scripts;
  const { tasks: declarations, notes } = turboDeclarations(
    { name, folder, frameworkVariables },
    own,
    {
      root,
      config,
      isSingle,
      of,
      rootDependencies,
      packageNames: () => [...packages.folders.keys()],
    },
  );
  const tasks = new Map<string, TaskDefinition>();
  const hidden = new Map<string, TaskDefinition>();
  const allNotes = [...scripts.notes, ...own?.notes ?? [], ...notes];
  const file: TaskFile = { ...scripts, tasks, hidden, notes: allNotes };
  for (const [task, definition] of scripts.hidden) {
    hidden.set(task, { ...definition, origin: file });
  }
  for (const [task, definition] of scripts.tasks) {
    const declaration = declarations.get(task);
    const { declaredIn, declaration: other } = definition;
    const names = folder === root ? namesOfTurboRun(definition.command ?? "") : [];
    const isOfTurbo = names.length > 0 && names.every((name) => config.tasks.has(name)) &&
      declaredIn.source === "package.json";
    if (isOfTurbo) {
      tasks.set(task, { ...asGroup(definition, names), origin: file });
      const { file: path, line } = declaredIn;
      allNotes.push(
        `${path}:${line}: simmer runs the tasks of "${definition.command}" itself, by turbo.json`,
      );
    } else if (declaration === undefined) {
      tasks.set(task, { ...definition, origin: file });
    } else if (other !== undefined) {
      allNotes.push(twiceDeclared(task, declaredIn, declaration.place));
      tasks.set(task, { ...definition, origin: file });
    } else {
      const isOverridden = declaredIn.source === "simmer";
      if (isOverridden) allNotes.push(twiceDeclared(task, declaredIn, declaration.place));
      tasks.set(task, {
        ...definition,
        origin: file,
        order: "declared",
        declaration,
        ...(isOverridden ? {} : { declaredIn: { source: "turbo.json", ...declaration.place } }),
        ...(declaration.description === undefined ? {} : { description: declaration.description }),
      });
    }
  }
  for (const [task, declaration] of declarations) {
    if (scripts.tasks.has(task) || scripts.hidden.has(task)) continue;
    hidden.set(task, {
      name: task,
      dependencies: [],
      files: [],
      output: [],
      env: [],
      origin: file,
      order: "declared",
      declaration,
      declaredIn: { source: "turbo.json", ...declaration.place },
    });
  }
  return file;
}

/** Returns the tasks of a command line that starts Turborepo without options. */
function namesOfTurboRun(command: string): string[] {
  const [, names = ""] = /^\s*turbo(?:\s+run)?((?:\s+(?!-)[\w:.-]+)+)\s*$/.exec(command) ?? [];
  return names.split(/\s+/).filter((name) => name !== "");
}

/** Returns a task that runs the tasks of all packages instead of Turborepo. */
function asGroup(task: TaskDefinition, names: readonly string[]): TaskDefinition {
  const { command: _, ...rest } = task;
  const place = { file: task.declaredIn.file, line: task.declaredIn.line, column: 1 };
  return {
    ...rest,
    order: "declared",
    declaredIn: { source: "turbo.json", file: place.file, line: place.line },
    declaration: {
      source: "turbo.json",
      place,
      needs: names.map((name) => ({ kind: "everywhere", name, text: name, place })),
      alongside: [],
      output: [],
      dialect: "turbo",
      envPatterns: [],
      variables: {},
      clean: false,
      isPersistent: false,
      mayHaveNoInputs: true,
      makesNothing: true,
      hasLockfiles: false,
      definition: "",
    },
  };
}
