/**
 * Reads the tasks of one config file: the `tasks` of a `deno.json`, or the `scripts` of a
 * `package.json`.
 *
 * Names are not validated. As in `deno task`, any string can name a task.
 *
 * @module
 */

import {
  type ConfigNode,
  type ConfigText,
  describeNode,
  invalidConfig,
  membersOf,
  parseConfig,
  placeOf,
  stringOf,
} from "./jsonc.ts";

import type { MemberPattern } from "./members.ts";
import {
  type ConfigPlace,
  type Declaration,
  type DeclaredIn,
  twiceDeclared,
} from "./declaration.ts";
import { frameworkVariables } from "./frameworks.ts";
import { readTextList } from "./section.ts";
import { excerpt } from "../../wire/near_names.ts";
import { nearestName } from "../plan/task_names.ts";
import { isWireitCommand, readWireit, type WireitScript } from "./wireit.ts";
import { type PackageFacts, packageFacts } from "./package_facts.ts";
import {
  type PlacedSettings,
  readScripts,
  readSettings,
  type ScriptWay,
  type TaskSettings,
} from "./settings.ts";

/** A task as its config file defines it. */
export interface TaskDefinition {
  readonly name: string;
  /** The shell command line. If absent, the task only runs its dependencies. */
  readonly command?: string;
  /**
   * Names of the tasks that run first, perhaps with wildcards: `name`, `package#name`, or `^name`
   * for the task of each package that this one imports. A package without that task is looked
   * through: the packages that it imports are meant then.
   */
  readonly dependencies: readonly string[];
  /**
   * `declared` if only its dependencies order the task. Otherwise, in a run over several packages,
   * it also waits for the requested tasks of the packages that its own imports.
   */
  readonly order?: "declared";
  readonly description?: string;
  /** Globs of the inputs. */
  readonly files: readonly string[];
  /** Globs of the outputs. */
  readonly output: readonly string[];
  /** Names of the environment variables that the result depends on. */
  readonly env: readonly string[];
  /** The task's settings from the `simmer` section; absent if it has none. */
  readonly settings?: TaskSettings;
  /** The config file that defines the task. */
  readonly origin: TaskFile;
  /** The place where its inputs, outputs and dependencies are declared. */
  readonly declaredIn: DeclaredIn;
  /** The declaration of another tool's config. The task's own settings come before it. */
  readonly declaration?: Declaration;
}

/** A config file with its tasks. */
export interface TaskFile {
  readonly source: "deno.json" | "package.json";
  /** Absolute path. */
  readonly file: string;
  /** The folder that contains the file. Its tasks run there. */
  readonly folder: string;
  /** The package's name, if the file has one. */
  readonly packageName?: string;
  /** In the file's order. */
  readonly tasks: ReadonlyMap<string, TaskDefinition>;
  /**
   * Tasks that only other tasks can name: scripts of a `wireit` section alone, and tasks of a
   * `turbo.json` without a script.
   */
  readonly hidden: ReadonlyMap<string, TaskDefinition>;
  /** Sentences about mistakes without effect and about what is not supported, each with a line. */
  readonly notes: readonly string[];
  /** The packages that it depends on, with the ranges of their versions. */
  readonly dependencies: ReadonlyMap<string, string>;
  /** Patterns of the variables that the package's frameworks read at build time. */
  readonly frameworkVariables: readonly string[];
  /** Present only for a `package.json`. */
  readonly facts?: PackageFacts;
  /** The way in which scripts run, if the `simmer` section of the file says so. */
  readonly scripts?: ScriptWay;
  /** The `nodeModulesDir` of a `deno.json`; absent if it has none. */
  readonly nodeModulesDir?: "manual" | "none" | "other";
  /** The imports of the folder's code: names of packages, and relative paths of folders. */
  readonly imports: readonly string[];
  /** The patterns of a workspace's members. Empty if the file defines no workspace. */
  readonly members: readonly MemberPattern[];
  /** The position of the package's name in the file. */
  readonly namePlace?: Pick<ConfigPlace, "line" | "column">;
}

type MutableTaskFile = TaskFile & {
  readonly tasks: Map<string, TaskDefinition>;
  readonly hidden: Map<string, TaskDefinition>;
  readonly notes: string[];
};

/** Variables that programs read at build time whatever the framework is. */
const USUAL_VARIABLES: readonly string[] = ["NODE_ENV"];

/**
 * Reads the tasks of a `deno.json` or `deno.jsonc`.
 *
 * @param folder the folder that its tasks run in, absolute
 * @throws {WireError} `projectError` of kind `invalid-config`
 */
export function readDenoConfig(source: ConfigText, folder: string): TaskFile {
  const members = membersOf(parseConfig(source, "jsonc"));
  const modules = members.get("nodeModulesDir");
  const origin = {
    ...emptyFile("deno.json", source, folder, members.get("name")),
    members: memberPatterns(source, members.get("workspace"), "members"),
    ...(modules === undefined ? {} : { nodeModulesDir: nodeModulesDirOf(modules) }),
    ...scriptsOf(source, members),
    imports: [...membersOf(members.get("imports"))].flatMap(([name, node]) => [
      name,
      ...packageNames(stringOf(node)),
    ]),
    dependencies: new Map(
      [...membersOf(members.get("imports"))].flatMap(([name, node]) => {
        const specifier = stringOf(node);
        return specifier === undefined ? [] : [[name, specifier] as const];
      }),
    ),
  };
  const tasks = members.get("tasks");
  if (tasks !== undefined && tasks.type !== "null" && tasks.type !== "object") {
    throw mistaken(source, tasks, `"tasks" must be an object`);
  }
  const nodes = membersOf(tasks);
  const keys = new Map([...nodes].map(([name, node]) => [name, [...membersOf(node).keys()]]));
  const settings = readSettings(source, members.get("simmer"), keys);
  const place = placesIn(source);
  for (const [name, node] of nodes) {
    const task = readTask(source, origin, name, node, place);
    origin.tasks.set(name, withSettings(task, settings.get(name), source.file));
    noteUnknownKeys(origin, name, node, place);
  }
  return origin;
}

/** Keys of a task in a `deno.json`. */
const TASK_KEYS: readonly string[] = [
  "command",
  "description",
  "dependencies",
  "files",
  "output",
  "env",
];

function noteUnknownKeys(
  origin: MutableTaskFile,
  task: string,
  node: ConfigNode,
  place: (offset: number) => ConfigPlace,
): void {
  for (const [key, value] of membersOf(node)) {
    if (TASK_KEYS.includes(key)) continue;
    const { file, line } = place(value.parent?.offset ?? value.offset);
    const nearest = nearestName(key, TASK_KEYS);
    const advice = nearest === undefined ? "" : `. Did you mean "${nearest}"?`;
    origin.notes.push(
      `${file}:${line}: "${excerpt(key)}" of the task "${
        excerpt(task)
      }" is unknown and has no effect${advice}`,
    );
  }
}

/** Returns a function that returns the positions of offsets in a text. */
function placesIn({ file, text }: ConfigText): (offset: number) => ConfigPlace {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (offset) => {
    let [low, high] = [0, starts.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return { file, line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  };
}

/**
 * Reads the scripts of a `package.json`.
 *
 * @param folder the folder that its scripts run in, absolute
 * @throws {WireError} `projectError` of kind `invalid-config`
 */
export function readPackageJson(source: ConfigText, folder: string): TaskFile {
  const members = membersOf(parseConfig(source, "json"));
  const facts = packageFacts(members);
  const dependencies = new Map(
    DEPENDENCY_KEYS.flatMap((key) =>
      [...membersOf(members.get(key))].flatMap(([dependency, node]) => {
        const range = stringOf(node);
        return range === undefined ? [] : [[dependency, range] as const];
      })
    ),
  );
  const origin: MutableTaskFile = {
    ...emptyFile("package.json", source, folder, members.get("name")),
    members: memberPatterns(source, members.get("workspaces"), "packages"),
    dependencies,
    frameworkVariables: [...USUAL_VARIABLES, ...frameworkVariables(new Set(dependencies.keys()))],
    imports: DEPENDENCY_KEYS.flatMap((key) =>
      [...membersOf(members.get(key))].flatMap(([name, node]) =>
        dependencyNames(name, stringOf(node) ?? "")
      )
    ),
    facts,
    ...scriptsOf(source, members),
  };
  const scripts = [...membersOf(members.get("scripts"))].filter(([, node]) => isScalar(node));
  const keys = new Map(scripts.map(([script]) => [script, []]));
  const settings = readSettings(source, members.get("simmer"), keys);
  const wireit = readWireit(source, members.get("wireit"), folder);
  origin.notes.push(...wireit.notes);
  const place = placesIn(source);
  for (const [script, node] of scripts) {
    const task = { ...emptyTask(origin, script, place(node.offset)), command: String(node.value) };
    const whole = withWireit(task, wireit.scripts.get(script), origin.notes);
    const settled = withSettings(whole, settings.get(script), source.file);
    if (settled.declaredIn.source === "simmer" && whole.declaration !== undefined) {
      origin.notes.push(twiceDeclared(script, settled.declaredIn, whole.declaredIn));
    }
    origin.tasks.set(script, settled);
  }
  for (const [script, { command, declaration }] of wireit.scripts) {
    if (origin.tasks.has(script)) continue;
    origin.hidden.set(script, {
      ...emptyTask(origin, script, declaration.place),
      declaration,
      order: "declared",
      declaredIn: { source: "wireit", ...declaration.place },
      ...(command === undefined ? {} : { command }),
    });
  }
  return origin;
}

/** Adds what a `wireit` section says about a script. */
function withWireit(
  task: TaskDefinition,
  script: WireitScript | undefined,
  notes: string[],
): TaskDefinition {
  if (script === undefined) return task;
  const { command, declaration } = script;
  const { file, line } = declaration.place;
  if (!isWireitCommand(task.command ?? "")) {
    notes.push(
      `${file}:${line}: "wireit.${task.name}" has no effect: the script "${task.name}" in line ${task.declaredIn.line} is not "wireit"`,
    );
    return task;
  }
  const { command: _, ...rest } = task;
  return {
    ...rest,
    declaration,
    order: "declared",
    declaredIn: { source: "wireit", file, line },
    ...(command === undefined ? {} : { command }),
  };
}

function scriptsOf(
  source: ConfigText,
  members: ReadonlyMap<string, ConfigNode>,
): Pick<TaskFile, "scripts"> {
  const scripts = readScripts(source, members.get("simmer"));
  return scripts === undefined ? {} : { scripts };
}

function nodeModulesDirOf(node: ConfigNode): NonNullable<TaskFile["nodeModulesDir"]> {
  const text = stringOf(node);
  return text === "manual" || text === "none" ? text : "other";
}

/** The sections of a `package.json` that list dependencies. */
const DEPENDENCY_KEYS: readonly string[] = [
  "dependencies",
  "devDependencies",
  "peerDependencies",
  "optionalDependencies",
];

/**
 * Returns the package or folder that a dependency of a `package.json` means. The result is empty if
 * it can be no member of the workspace: `npm:` installs a package under another name.
 */
function dependencyNames(name: string, range: string): string[] {
  const path = /^(?:workspace:|file:|link:|portal:)?(\.{1,2}(?:\/.*)?)$/.exec(range)?.[1];
  if (path !== undefined) return [path];
  if (/^(?:npm|git|github|gitlab|bitbucket|https?|git\+\w+):/.test(range)) return [];
  const alias = /^workspace:(@[^/@]+\/[^/@]+|[^/@]+)@/.exec(range)?.[1];
  return [alias ?? name];
}

/**
 * Returns the package or folder that a specifier means, which may differ from the key of its entry.
 * The result is empty if the specifier names neither.
 */
function packageNames(specifier: string | undefined): string[] {
  if (specifier === undefined) return [];
  const match = /^(?:jsr|npm|workspace):\/?(@[^/@]+\/[^/@]+|[^/@~^*]+)/.exec(specifier);
  if (match?.[1] !== undefined) return [match[1]];
  const path = /^(?:file:|link:)?(\.{1,2}\/.*)$/.exec(specifier);
  return path?.[1] === undefined ? [] : [path[1]];
}

function emptyFile(
  kind: TaskFile["source"],
  source: ConfigText,
  folder: string,
  name: ConfigNode | undefined,
): MutableTaskFile {
  const packageName = stringOf(name) || undefined;
  return {
    source: kind,
    file: source.file,
    folder,
    tasks: new Map(),
    hidden: new Map(),
    notes: [],
    imports: [],
    dependencies: new Map(),
    frameworkVariables: [],
    members: [],
    ...(packageName === undefined ? {} : {
      packageName,
      namePlace: placeOf(source.text, name?.offset ?? 0),
    }),
  };
}

/**
 * Returns the members in a `workspace` or `workspaces`: a list, or an object with a list. Deno and
 * npm report other values themselves.
 */
function memberPatterns(
  { file, text }: ConfigText,
  node: ConfigNode | undefined,
  key: "members" | "packages",
): MemberPattern[] {
  const list = node?.type === "object" ? membersOf(node).get(key) : node;
  if (list?.type !== "array") return [];
  return (list.children ?? []).flatMap((child) => {
    const pattern = stringOf(child);
    return pattern === undefined ? [] : [{ text: pattern, file, ...placeOf(text, child.offset) }];
  });
}

function emptyTask(origin: TaskFile, name: string, { line }: ConfigPlace): TaskDefinition {
  const declaredIn = { source: origin.source, file: origin.file, line };
  return { name, dependencies: [], files: [], output: [], env: [], origin, declaredIn };
}

/** Adds the settings of a task, and what they declare. */
function withSettings(
  task: TaskDefinition,
  placed: PlacedSettings | undefined,
  file: string,
): TaskDefinition {
  if (placed === undefined) return task;
  const { settings, line } = placed;
  if (settings.declared === undefined && settings.service === undefined) {
    return { ...task, settings };
  }
  const declaredIn = { source: "simmer", file, line } as const;
  return { ...task, ...settings.declared, settings, declaredIn };
}

function readTask(
  source: ConfigText,
  origin: TaskFile,
  name: string,
  node: ConfigNode,
  place: (offset: number) => ConfigPlace,
): TaskDefinition {
  const task = emptyTask(origin, name, place(node.parent?.offset ?? node.offset));
  const command = stringOf(node);
  if (command !== undefined) return { ...task, command };
  if (node.type !== "object") {
    throw mistaken(source, node, `the task "${name}" must be a string or an object`);
  }
  const members = membersOf(node);
  const text = readText(source, name, "command", members);
  const description = readText(source, name, "description", members);
  return {
    ...task,
    dependencies: readTexts(source, name, "dependencies", members),
    files: readTexts(source, name, "files", members),
    output: readTexts(source, name, "output", members),
    env: readTexts(source, name, "env", members),
    ...(text === undefined ? {} : { command: text }),
    ...(description === undefined ? {} : { description }),
  };
}

function readText(
  source: ConfigText,
  task: string,
  key: string,
  members: ReadonlyMap<string, ConfigNode>,
): string | undefined {
  const node = members.get(key);
  if (node === undefined || node.type === "null") return undefined;
  const text = stringOf(node);
  if (text === undefined) {
    throw mistaken(source, node, `"${key}" of the task "${task}" must be a string`);
  }
  return text;
}

function readTexts(
  source: ConfigText,
  task: string,
  key: string,
  members: ReadonlyMap<string, ConfigNode>,
): readonly string[] {
  const node = members.get(key);
  return node === undefined ? [] : readTextList(source, node, `"${key}" of the task "${task}"`);
}

function mistaken(source: ConfigText, node: ConfigNode, rule: string): Error {
  return invalidConfig(source, node.offset, `${rule}, but found ${describeNode(node)}`);
}

function isScalar(node: ConfigNode): boolean {
  return node.type === "string" || node.type === "number" || node.type === "boolean";
}
