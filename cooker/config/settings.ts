/**
 * Validates simmer's own settings: the `simmer` section of a `deno.json`, which Deno ignores.
 *
 * The schemas in this file are the only definition of the settings. The parser checks with them,
 * and `deno task docs` generates `schema/simmer.schema.json` from them, for editors.
 *
 * @module
 */

import * as v from "valibot";
import { nearestName } from "../plan/task_names.ts";
import {
  type ConfigNode,
  type ConfigText,
  describeNode,
  invalidConfig,
  membersOf,
} from "./jsonc.ts";
import { excerpt } from "../../wire/near_names.ts";

const cleanSchema = v.pipe(
  v.union([v.boolean(), v.literal("if-file-deleted")]),
  v.description(
    "When to remove the outputs of the previous run before the task runs again: true (default) " +
      "always, false never, if-file-deleted if one of its inputs was deleted since its last run.",
  ),
);

const taskSchema = v.strictObject({ clean: v.optional(cleanSchema) });

const settingsSchema = v.pipe(
  v.strictObject({ tasks: v.optional(v.record(v.string(), taskSchema)) }),
  v.description("Settings of simmer."),
);

/** Settings of one task. */
export type TaskSettings = v.InferOutput<typeof taskSchema>;

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
 * @param tasks the names of the file's tasks
 * @returns the settings of tasks by their names
 * @throws {WireError} `projectError` of kind `invalid-config` for an unknown key or a wrong value
 */
export function readSettings(
  source: ConfigText,
  node: ConfigNode | undefined,
  tasks: readonly string[],
): ReadonlyMap<string, TaskSettings> {
  const settings = new Map<string, TaskSettings>();
  const sections = sectionOf(source, node, "simmer", Object.keys(settingsSchema.entries));
  for (const [name, each] of sectionOf(source, sections.get("tasks"), "simmer.tasks", tasks)) {
    const place = `simmer.tasks.${name}`;
    const values = sectionOf(source, each, place, Object.keys(taskSchema.entries));
    const clean = values.get("clean");
    settings.set(name, clean === undefined ? {} : { clean: readClean(source, clean, place) });
  }
  return settings;
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

/** Returns the members of a section. Throws if one of them is not among the `known` names. */
function sectionOf(
  source: ConfigText,
  node: ConfigNode | undefined,
  place: string,
  known: readonly string[],
): ReadonlyMap<string, ConfigNode> {
  if (node === undefined || node.type === "null") return new Map();
  if (node.type !== "object") {
    const mistake = `"${excerpt(place)}" must be an object, but found ${describeNode(node)}`;
    throw invalidConfig(source, node.offset, mistake);
  }
  const members = membersOf(node);
  const names = new Set(known);
  for (const [name, value] of members) {
    if (names.has(name)) continue;
    const nearest = nearestName(name, known);
    const what = place === "simmer.tasks" ? "is not a task of this file" : "is unknown";
    const advice = nearest === undefined ? "" : `. Did you mean "${nearest}"?`;
    const offset = value.parent?.offset ?? value.offset;
    const mistake = `"${excerpt(name)}" in "${excerpt(place)}" ${what}${advice}`;
    throw invalidConfig(source, offset, mistake);
  }
  return members;
}
