/**
 * Translates the tasks of `turbo.json` files into declarations for the scripts of one package.
 *
 * @module
 */

import { pathInside } from "../../system/files/files.ts";
import { projectError } from "../../wire/errors.ts";
import { nearestName } from "../plan/task_names.ts";
import type { GlobGroup } from "../inputs/file_patterns.ts";
import type { Declaration, TaskReference } from "./declaration.ts";
import { DEFAULT_SERVICE } from "./service.ts";
import {
  mergeTurboTasks,
  type TurboConfig,
  type TurboTask,
  type TurboText,
} from "./turbo_config.ts";
import { TURBO_VARIABLES } from "./turbo_variables.ts";

/** The name of the root in references. */
const ROOT = "//";
const DEFAULT = "$TURBO_DEFAULT$";
const ROOT_FOLDER = "$TURBO_ROOT$";

/** A package, as its tasks are translated. */
interface TurboPackage {
  /** Absent if it has no name. Only tasks for all packages then concern it. */
  readonly name?: string | undefined;
  /** Absolute. */
  readonly folder: string;
  /** Variables that its frameworks read at build time. */
  readonly frameworkVariables: readonly string[];
}

/** The configs of a project. */
interface TurboConfigs {
  /** The project's root folder, absolute. */
  readonly root: string;
  readonly config: TurboConfig;
  /** True if the project is no workspace. The root's tasks are then those of its package. */
  readonly isSingle: boolean;
  /** Returns the config of a package; `undefined` if it has none or there is no such package. */
  readonly of: (name: string) => TurboConfig | undefined;
  /** Folders of the packages that the root depends on. Their files count for all tasks. */
  readonly rootDependencies: readonly string[];
  /** Returns the names of all packages, for messages. */
  readonly packageNames: () => readonly string[];
}

/** The declarations for one package, with its tasks by their names. */
interface TurboDeclarations {
  readonly tasks: ReadonlyMap<string, Declaration & { readonly description?: string }>;
  readonly notes: readonly string[];
}

/**
 * Returns the declarations of a package's tasks.
 *
 * @param own the package's configuration, if it has one
 * @throws {WireError} `projectError` of kind `invalid-config`
 */
export function turboDeclarations(
  pack: TurboPackage,
  own: TurboConfig | undefined,
  configs: TurboConfigs,
): TurboDeclarations {
  const merged = new Map<string, TurboTask>();
  const specific = new Map<string, TurboTask>();
  const isRoot = pack.folder === configs.root;
  for (const [name, task] of configs.config.tasks) {
    const [owner, short] = splitName(name);
    const isForAll = owner === undefined && (!isRoot || configs.isSingle);
    const isForThis = owner !== undefined && (owner === pack.name || (isRoot && owner === ROOT));
    if (isForThis) specific.set(short, task);
    else if (isForAll) merged.set(short, task);
  }
  // `package#task` replaces the definition for all packages, wherever it is written.
  for (const [name, task] of specific) merged.set(name, task);
  const chain = isRoot || own === undefined ? [] : chainOf(own, configs);
  for (const config of chain) {
    for (const [name, task] of config.tasks) {
      requirePlainName(config, name, task);
      const result = mergeTurboTasks(merged.get(name), task);
      if (result === undefined) merged.delete(name);
      else merged.set(name, result);
    }
  }
  const notes: string[] = [];
  const tasks = new Map<string, Declaration & { readonly description?: string }>();
  for (const [name, task] of merged) {
    const { description } = task;
    tasks.set(name, {
      ...declarationOf(name, task, { pack, configs, notes }),
      ...(description === undefined ? {} : { description }),
    });
  }
  return { tasks, notes };
}

/** Splits `package#task`. A name without `#` has no package. */
function splitName(name: string): [owner: string | undefined, task: string] {
  const at = name.lastIndexOf("#");
  return at <= 0 ? [undefined, name] : [name.slice(0, at), name.slice(at + 1)];
}

/** Returns the configs that a package's config extends, without the root, and itself at the end. */
function chainOf(own: TurboConfig, configs: TurboConfigs): TurboConfig[] {
  const chain: TurboConfig[] = [];
  const open = new Set<TurboConfig>();
  const visit = (config: TurboConfig): void => {
    if (open.has(config)) return;
    open.add(config);
    const [first] = config.extends;
    if (first?.text !== ROOT) {
      const place = first === undefined ? { file: config.file } : config.place(first.offset);
      throw projectError(
        `Invalid config: ${
          placeText(place)
        }: "extends" of a package's turbo.json must begin with "//"`,
        { kind: "invalid-config", ...place },
      );
    }
    for (const { text, offset } of config.extends.slice(1)) {
      const extended = configs.of(text);
      if (extended !== undefined) {
        visit(extended);
        continue;
      }
      const place = config.place(offset);
      const nearest = nearestName(text, configs.packageNames());
      const advice = nearest === undefined ? "" : `. Did you mean "${nearest}"?`;
      throw projectError(
        `Invalid config: ${
          placeText(place)
        }: "extends" names "${text}", which is no package with a turbo.json${advice}`,
        { kind: "invalid-config", ...place, ...(nearest === undefined ? {} : { nearest }) },
      );
    }
    chain.push(config);
  };
  visit(own);
  return chain;
}

function placeText(
  { file, line, column }: {
    readonly file: string;
    readonly line?: number;
    readonly column?: number;
  },
): string {
  return line === undefined ? file : `${file}:${line}:${column}`;
}

function requirePlainName(config: TurboConfig, name: string, { place }: TurboTask): void {
  const [owner, short] = splitName(name);
  if (owner === undefined) return;
  throw projectError(
    `Invalid config: ${
      placeText(place)
    }: a package's turbo.json names its tasks without the package: "${short}" instead of "${name}"`,
    { kind: "invalid-config", ...place, nearest: short, file: config.file },
  );
}

interface Context {
  readonly pack: TurboPackage;
  readonly configs: TurboConfigs;
  readonly notes: string[];
}

function declarationOf(name: string, task: TurboTask, context: Context): Declaration {
  const { pack, configs: { config: { globals }, root } } = context;
  const { env = [], passThroughEnv = [] } = task;
  const outputs = outputsOf(name, task, context);
  const ownEnv = texts(env);
  // An exclusion of the task also concerns the variables of its frameworks.
  const counted = [[...ownEnv, ...pack.frameworkVariables], globals.env];
  const passed = [TURBO_VARIABLES, globals.passThroughEnv, texts(passThroughEnv), ...counted];
  const isPersistent = task.persistent === true;
  const isCached = task.cache !== false && !isPersistent && outputs !== undefined;
  const hasInputs = !isPersistent || task.interruptible === true;
  return {
    source: "turbo.json",
    place: task.place,
    needs: (task.dependsOn ?? []).flatMap((each) => referenceOf(each)),
    alongside: (task.with ?? []).flatMap((each) => referenceOf(each)),
    ...(hasInputs ? { inputs: inputsOf(task, context) } : {}),
    output: isPersistent ? [] : outputs ?? [],
    dialect: "turbo",
    envPatterns: counted,
    variables: globals.isStrict ? { passed } : {},
    clean: false,
    ...(isPersistent ? { service: DEFAULT_SERVICE } : {}),
    isPersistent,
    mayHaveNoInputs: true,
    makesNothing: (outputs ?? []).length === 0,
    ...(isCached ? {} : { unstored: "counted" as const }),
    hasLockfiles: true,
    definition: JSON.stringify([
      pathInside(root, pack.folder),
      texts(task.outputs ?? []),
      ownEnv,
      texts(passThroughEnv),
      globals.env,
      globals.passThroughEnv,
      globals.isStrict,
    ]),
  };
}

function texts(entries: readonly TurboText[]): string[] {
  return entries.map(({ text }) => text);
}

function referenceOf({ text, offset, config }: TurboText): TaskReference[] {
  // Turborepo 1 declared variables among the dependencies.
  if (text.startsWith("$")) return [];
  const place = config.place(offset);
  if (text.startsWith("^")) {
    return [{ kind: "upstream", name: text.slice(1), text, place }];
  }
  const [owner, name] = splitName(text);
  return owner === undefined
    ? [{ kind: "own", name, text, place }]
    : [{ kind: "package", package: owner, name, text, place }];
}

/** Returns the inputs. The package's own configs always count. */
function inputsOf(task: TurboTask, { pack, configs }: Context): GlobGroup[] {
  const { inputs = [] } = task;
  const up = upFrom(pack.folder, configs.root);
  const entries = texts(inputs).filter((text) => text !== DEFAULT)
    .map((text) => text.replace(/^(!?)\$TURBO_ROOT\$\//, `$1${up === "." ? "" : `${up}/`}`));
  const hasUnignored = inputs.length === 0 || inputs.some(({ text }) => text === DEFAULT);
  return [
    { dialect: "turbo", entries, ...(hasUnignored ? { hasUnignored } : {}) },
    { dialect: "turbo", entries: ["package.json", "turbo.json", "turbo.jsonc"] },
    ...(configs.config.globals.dependencies.length === 0
      ? []
      : [{ dialect: "turbo", from: up, entries: configs.config.globals.dependencies } as const]),
    ...configs.rootDependencies.filter((folder) => folder !== pack.folder).map((folder) =>
      ({
        dialect: "turbo",
        from: up === "."
          ? pathInside(configs.root, folder) ?? "."
          : `${up}/${pathInside(configs.root, folder) ?? ""}`,
        entries: [],
        hasUnignored: true,
      }) as const
    ),
  ];
}

/** Returns the way from a folder up to the root, as in `../..`. */
function upFrom(folder: string, root: string): string {
  const inside = pathInside(root, folder) ?? "";
  return inside === "" ? "." : inside.split("/").map(() => "..").join("/");
}

/**
 * Returns the globs of the outputs; `undefined` if one is outside of the package. The result is not
 * stored then, because files outside of a task's folder are never restored.
 */
function outputsOf(
  name: string,
  { outputs = [] }: TurboTask,
  { pack, configs, notes }: Context,
): readonly string[] | undefined {
  const isRoot = pack.folder === configs.root;
  const globs: string[] = [];
  for (const { text, offset, config } of outputs) {
    const own = isRoot ? text.replace(/^(!?)\$TURBO_ROOT\$\//, "$1") : text;
    const isOutside = own.includes(ROOT_FOLDER) || own.split("/").includes("..");
    if (!isOutside) globs.push(own);
    else if (!own.startsWith("!")) {
      const { file, line } = config.place(offset);
      notes.push(
        `${file}:${line}: the result of "${name}" is not stored: its output "${text}" is outside of the package`,
      );
      return undefined;
    }
  }
  return globs;
}
