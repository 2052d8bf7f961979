/**
 * Parses a `turbo.json`: the root configuration, or that of a package.
 *
 * @module
 */

import type { ConfigPlace } from "./declaration.ts";
import { ForeignConfig, type PlacedText } from "./foreign_config.ts";
import {
  type ConfigNode,
  type ConfigText,
  invalidConfig,
  membersOf,
  parseConfig,
} from "./jsonc.ts";
import { stringOf } from "./jsonc.ts";

/** Names of the file. The first one that exists counts. */
export const TURBO_CONFIGS: readonly string[] = ["turbo.json", "turbo.jsonc"];

/** Marks the place of the inherited entries in a list. */
const INHERITED = "$TURBO_EXTENDS$";

/** An entry of a list, with the file that it is written in. */
export interface TurboText extends PlacedText {
  readonly config: TurboConfig;
}

/** The lists of a task, by their keys in the file. */
type TurboLists = {
  readonly [Key in typeof LISTS[number]]?: readonly TurboText[];
};

/** A task as one file defines it, or merged from several. */
export interface TurboTask extends TurboLists {
  readonly place: ConfigPlace;
  readonly description?: string;
  readonly cache?: boolean;
  readonly persistent?: boolean;
  readonly interruptible?: boolean;
  /** False if nothing is inherited. */
  readonly inherits?: boolean;
  /** True if it has no key but `extends`. */
  readonly isEmpty: boolean;
}

const LISTS = ["dependsOn", "inputs", "outputs", "env", "passThroughEnv", "with"] as const;

/** The globals of a root configuration. */
interface TurboGlobals {
  readonly dependencies: readonly string[];
  readonly env: readonly string[];
  readonly passThroughEnv: readonly string[];
  /** True if tasks only get the variables that the config names. */
  readonly isStrict: boolean;
}

/** One `turbo.json`. */
export interface TurboConfig {
  readonly file: string;
  readonly folder: string;
  /** Names of the packages whose configs are extended, the root as `//`. Empty in the root. */
  readonly extends: readonly PlacedText[];
  readonly globals: TurboGlobals;
  /** By names as written: `build`, `web#build` or `//#build`. */
  readonly tasks: ReadonlyMap<string, TurboTask>;
  /** Sentences about what is not supported. */
  readonly notes: readonly string[];
  /** Returns the position of an offset in the file. */
  readonly place: (offset: number) => ConfigPlace;
}

const JOBS = "-j/--jobs decides how many tasks run at once";
const CACHE = "simmer has its own cache (docs/caching.md)";
const DISPLAY = "--output and --replay-logs decide what is shown";

/** Settings of the root and of `global` that have no effect. */
const UNUSED_SETTINGS = {
  ui: DISPLAY,
  concurrency: JOBS,
  cacheDir: CACHE,
  cacheMaxAge: CACHE,
  cacheMaxSize: CACHE,
  remoteCache: CACHE,
  daemon: "",
  noUpdateNotifier: "",
  dangerouslyDisablePackageManagerCheck: "",
} as const;

const ROOT_KEYS = {
  used: [
    "tasks",
    "extends",
    "globalDependencies",
    "globalEnv",
    "globalPassThroughEnv",
    "envMode",
    "global",
  ],
  unused: {
    $schema: "",
    ...UNUSED_SETTINGS,
    agentGuidance: "",
    boundaries: "simmer does not check boundaries",
    tags: "simmer does not check boundaries",
    setup: "simmer installs nothing",
    futureFlags: "simmer has none of them",
    experimentalObservability: "simmer exports no metrics",
    telemetry: "",
  },
} as const;

const GLOBAL_KEYS = {
  used: ["inputs", "env", "passThroughEnv", "envMode"],
  unused: UNUSED_SETTINGS,
} as const;

const TASK_KEYS = {
  used: [...LISTS, "cache", "persistent", "interruptible", "extends", "description"],
  unused: {
    outputLogs: DISPLAY,
    interactive: "the task that runs alone reads the terminal",
    tags: "simmer does not check boundaries",
  },
} as const;

/**
 * Parses a `turbo.json` or `turbo.jsonc`.
 *
 * @param folder the folder that contains it, absolute
 * @throws {WireError} `projectError` of kind `invalid-config`
 */
export function readTurboConfig(source: ConfigText, folder: string): TurboConfig {
  const reader = new ForeignConfig(source);
  const root = parseConfig(source, "jsonc");
  const members = root === undefined
    ? new Map<string, ConfigNode>()
    : reader.section(root, "turbo.json", ROOT_KEYS);
  const pipeline = members.get("pipeline");
  if (pipeline !== undefined) {
    const offset = pipeline.parent?.offset ?? pipeline.offset;
    throw invalidConfig(source, offset, `"pipeline" is of Turborepo 1: rename it to "tasks"`);
  }
  const tasks = new Map<string, TurboTask>();
  const config: TurboConfig = {
    file: source.file,
    folder,
    extends: reader.texts(members.get("extends"), `"extends"`) ?? [],
    globals: readGlobals(reader, members),
    tasks,
    notes: reader.notes,
    place: (offset) => reader.place(offset),
  };
  const node = members.get("tasks");
  if (node !== undefined && node.type !== "object") {
    throw reader.mistake(node, `"tasks" must be an object`);
  }
  for (const [name, task] of membersOf(node)) {
    tasks.set(name, readTask(reader, config, name, task));
  }
  return config;
}

function readGlobals(
  reader: ForeignConfig,
  members: ReadonlyMap<string, ConfigNode>,
): TurboGlobals {
  const node = members.get("global");
  const global = node === undefined
    ? new Map<string, ConfigNode>()
    : reader.section(node, `"global"`, GLOBAL_KEYS);
  const list = (key: string, other: string): string[] =>
    [
      ...reader.texts(members.get(key), `"${key}"`) ?? [],
      ...reader.texts(global.get(other), `"global.${other}"`) ?? [],
    ].map(({ text }) => text);
  const mode = members.get("envMode") ?? global.get("envMode");
  const written = mode && stringOf(mode);
  if (mode !== undefined && written !== "strict" && written !== "loose") {
    throw reader.mistake(mode, `"envMode" must be "strict" or "loose"`);
  }
  return {
    dependencies: list("globalDependencies", "inputs"),
    env: list("globalEnv", "env"),
    passThroughEnv: list("globalPassThroughEnv", "passThroughEnv"),
    isStrict: written !== "loose",
  };
}

function readTask(
  reader: ForeignConfig,
  config: TurboConfig,
  name: string,
  node: ConfigNode,
): TurboTask {
  const what = `the task "${name}"`;
  const members = reader.section(node, what, TASK_KEYS);
  const flag = (key: string): boolean | undefined =>
    reader.flag(members.get(key), `"${key}" of ${what}`);
  const [cache, persistent] = [flag("cache"), flag("persistent")];
  const [interruptible, inherits] = [flag("interruptible"), flag("extends")];
  const description = stringOf(members.get("description"));
  const lists = LISTS.flatMap((key) => {
    const list = key === "inputs"
      ? readInputs(reader, members.get(key), what)
      : reader.texts(members.get(key), `"${key}" of ${what}`);
    return list === undefined ? [] : [[key, list.map((each) => ({ ...each, config }))] as const];
  });
  return {
    ...Object.fromEntries(lists),
    place: reader.place(node.parent?.offset ?? node.offset),
    isEmpty: [...members.keys()].every((key) => key === "extends"),
    ...(cache === undefined ? {} : { cache }),
    ...(persistent === undefined ? {} : { persistent }),
    ...(interruptible === undefined ? {} : { interruptible }),
    ...(inherits === undefined ? {} : { inherits }),
    ...(description === undefined ? {} : { description }),
  };
}

/**
 * Reads `inputs`. The files of a structured entry count at the time when the task starts, as all
 * inputs do.
 */
function readInputs(
  reader: ForeignConfig,
  node: ConfigNode | undefined,
  what: string,
): PlacedText[] | undefined {
  if (node === undefined) return undefined;
  if (node.type !== "array") throw reader.mistake(node, `"inputs" of ${what} must be a list`);
  return (node.children ?? []).flatMap((child) => {
    const text = stringOf(child);
    if (text !== undefined) return [{ text, offset: child.offset }];
    const members = reader.section(child, `"inputs" of ${what}`, {
      used: ["mode", "globs", "from", "withDefaults"],
      unused: {},
    });
    if (stringOf(members.get("mode")) === "dependencyOutputs") {
      const reason = "the results of all dependencies count as a whole";
      reader.note(child.offset, `"dependencyOutputs" of ${what} has no effect: ${reason}`);
      return [];
    }
    const globs = reader.texts(members.get("globs"), `"globs" of ${what}`) ?? [];
    const hasDefaults = reader.flag(members.get("withDefaults"), `"withDefaults" of ${what}`);
    const defaults = hasDefaults === true
      ? [{ text: "$TURBO_DEFAULT$", offset: child.offset }]
      : [];
    return [...defaults, ...globs];
  });
}

/** Merges the definitions of a task. Later ones override earlier ones. */
export function mergeTurboTasks(
  inherited: TurboTask | undefined,
  own: TurboTask | undefined,
): TurboTask | undefined {
  if (own === undefined) return inherited;
  if (own.inherits === false) return own.isEmpty ? undefined : own;
  if (inherited === undefined) return own;
  const lists = LISTS.flatMap((key) => {
    const [before, now] = [inherited[key], own[key]];
    if (now === undefined) return before === undefined ? [] : [[key, before] as const];
    const isAdded = now[0]?.text === INHERITED;
    return [[key, isAdded ? [...before ?? [], ...now.slice(1)] : now] as const];
  });
  return { ...inherited, ...own, ...Object.fromEntries(lists) };
}
