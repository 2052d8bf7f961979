/**
 * Validates simmer's own settings: the `simmer` section of a `deno.json` or `package.json`, which
 * Deno and npm ignore.
 *
 * The schemas in this file are the only definition of the settings. The parser checks with them,
 * and `deno task docs` generates `schema/simmer.schema.json` from them, for editors.
 *
 * @module
 */

import * as v from "valibot";
import {
  type ConfigNode,
  type ConfigText,
  describeNode,
  invalidConfig,
  membersOf,
  placeOf,
} from "./jsonc.ts";
import { excerpt } from "../../wire/near_names.ts";
import { readTextList, sectionOf } from "./section.ts";
import { readService, serviceSchema, type ServiceSettings } from "./service.ts";

const cleanSchema = v.pipe(
  v.union([v.boolean(), v.literal("if-file-deleted")]),
  v.description(
    "When to remove the outputs of the previous run before the task runs again: true (default) " +
      "always, false never, if-file-deleted if one of its inputs was deleted since its last run.",
  ),
);

const texts = v.array(v.string());

const taskSchema = v.strictObject({
  files: v.optional(v.pipe(
    texts,
    v.description(
      "Globs of the inputs, relative to the task's folder. A task that declares them is cached.",
    ),
  )),
  output: v.optional(
    v.pipe(texts, v.description("Globs of the outputs, which are stored and restored.")),
  ),
  env: v.optional(
    v.pipe(texts, v.description("Names of the variables that the result depends on.")),
  ),
  dependencies: v.optional(
    v.pipe(
      texts,
      v.description(
        "Names or wildcards of the tasks that run first. package#task is the task of another " +
          "package, and ^task that of each package that this one imports.",
      ),
    ),
  ),
  clean: v.optional(cleanSchema),
  service: v.optional(serviceSchema),
});

const scriptsSchema = v.pipe(
  v.picklist(["npm", "deno"]),
  v.description(
    "How scripts of a package.json run: as npm run does, in sh and with npm's variables, or as deno " +
      "task does. Default: deno if the script's folder or the project's root has a deno.json, " +
      "otherwise npm. In the root's file, it applies to all members.",
  ),
);

/** The way in which scripts of a `package.json` run: as `npm run` does, or as `deno task` does. */
export type ScriptWay = v.InferOutput<typeof scriptsSchema>;

const settingsSchema = v.pipe(
  v.strictObject({
    scripts: v.optional(scriptsSchema),
    tasks: v.optional(v.record(v.string(), taskSchema)),
  }),
  v.description("Settings of simmer."),
);

/** Settings that add what a `deno.json` declares in the task itself. */
const DECLARATIONS = ["files", "output", "env", "dependencies"] as const;

/** Declarations of a task in its settings. */
type Declarations = {
  readonly [Key in typeof DECLARATIONS[number]]?: readonly string[];
};

/** Settings of one task. */
export interface TaskSettings {
  /** Absent if there are none. */
  readonly declared?: Declarations;
  readonly clean?: v.InferOutput<typeof cleanSchema>;
  /** Present if the task is a service. */
  readonly service?: ServiceSettings;
}

/** Settings, with their line in the file, counted from 1. */
export interface PlacedSettings {
  readonly settings: TaskSettings;
  readonly line: number;
}

/**
 * The schema of a `deno.json` with simmer's settings. Other keys belong to Deno and are not
 * checked.
 */
export const configSchema = v.pipe(
  v.looseObject({ simmer: v.optional(settingsSchema) }),
  v.title("deno.json with settings of simmer"),
);

/**
 * Reads the `simmer` section of a config file.
 *
 * @param node the value of `simmer`; if absent, no task has settings
 * @param tasks the names of the file's tasks, with the keys that the task itself has
 * @returns the settings of tasks by their names
 * @throws {WireError} `projectError` of kind `invalid-config` for an unknown key or a wrong value
 */
export function readSettings(
  source: ConfigText,
  node: ConfigNode | undefined,
  tasks: ReadonlyMap<string, readonly string[]>,
): ReadonlyMap<string, PlacedSettings> {
  const settings = new Map<string, PlacedSettings>();
  const sections = sectionOf(source, node, "simmer", Object.keys(settingsSchema.entries));
  const names = [...tasks.keys()];
  for (const [name, each] of sectionOf(source, sections.get("tasks"), "simmer.tasks", names)) {
    const place = `simmer.tasks.${name}`;
    const values = sectionOf(source, each, place, Object.keys(taskSchema.entries));
    const clean = values.get("clean");
    const service = values.get("service");
    const settingsOfService = service && readService(source, service, place);
    const declared = readDeclarations(source, values, { place, own: tasks.get(name) ?? [] });
    const line = placeOf(source.text, each.parent?.offset ?? each.offset).line;
    settings.set(name, {
      line,
      settings: {
        ...(declared === undefined ? {} : { declared }),
        ...(clean === undefined ? {} : { clean: readClean(source, clean, place) }),
        ...(settingsOfService === undefined ? {} : { service: settingsOfService }),
      },
    });
  }
  return settings;
}

/**
 * Reads how scripts run from the `simmer` section of a config file.
 *
 * @param node the value of `simmer`
 * @returns `undefined` if the section does not say it
 * @throws {WireError} `projectError` of kind `invalid-config` for a wrong value
 */
export function readScripts(
  source: ConfigText,
  node: ConfigNode | undefined,
): ScriptWay | undefined {
  const value = membersOf(node).get("scripts");
  if (value === undefined) return undefined;
  const parsed = v.safeParse(scriptsSchema, value.value);
  if (parsed.success) return parsed.output;
  const mistake = `"simmer.scripts" must be "npm" or "deno", but found ${describeNode(value)}`;
  throw invalidConfig(source, value.offset, mistake);
}

/**
 * @param context `own`: keys of the task itself. One that the settings have too is a mistake.
 */
function readDeclarations(
  source: ConfigText,
  values: ReadonlyMap<string, ConfigNode>,
  { place, own }: { readonly place: string; readonly own: readonly string[] },
): Declarations | undefined {
  const found = DECLARATIONS.flatMap((key) => {
    const node = values.get(key);
    if (node === undefined) return [];
    const what = `"${excerpt(`${place}.${key}`)}"`;
    if (own.includes(key)) {
      const mistake = `${what} is declared twice: the task itself has "${key}" too`;
      throw invalidConfig(source, node.offset, mistake);
    }
    return [[key, readTextList(source, node, what)] as const];
  });
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

function readClean(
  source: ConfigText,
  node: ConfigNode,
  place: string,
): v.InferOutput<typeof cleanSchema> {
  const parsed = v.safeParse(cleanSchema, node.value);
  if (parsed.success) return parsed.output;
  const rule = `"clean" of "${excerpt(place)}" must be true, false or "if-file-deleted"`;
  throw invalidConfig(source, node.offset, `${rule}, but found ${describeNode(node)}`);
}
