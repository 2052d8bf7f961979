/**
 * Finds the position of a dependency in the config file that declares it, for error messages.
 *
 * @module
 */

import { readConfigText } from "../../project/config_text.ts";
import { type ConfigNode, membersOf, parseConfig, placeOf, stringOf } from "./jsonc.ts";
import type { TaskDefinition } from "./tasks.ts";

/** A position in a file, counted from 1. */
interface Place {
  readonly line: number;
  readonly column: number;
}

/**
 * Returns the position of a name in the dependencies of a task. The file is read again, because only
 * a mistake needs the position.
 *
 * @returns `undefined` if the file has changed, or another tool's config declares the dependency
 */
export function dependencyPlace(
  { name: task, origin: { file, source } }: TaskDefinition,
  name: string,
): Place | undefined {
  const text = readConfigText(file, { folder: true });
  if (text === undefined) return undefined;
  const grammar = source === "deno.json" ? "jsonc" : "json";
  const root = membersOf(parseConfig({ file, text }, grammar));
  const settings = membersOf(membersOf(root.get("simmer")).get("tasks"));
  const lists = [membersOf(root.get("tasks")).get(task), settings.get(task)]
    .map((node) => membersOf(node).get("dependencies"));
  const found = lists.flatMap((list) => list?.children ?? [])
    .find((node: ConfigNode) => stringOf(node) === name);
  return found && placeOf(text, found.offset);
}
