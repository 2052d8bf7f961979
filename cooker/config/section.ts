/**
 * Reads sections of simmer's own settings, whose members have fixed names.
 *
 * @module
 */

import { excerpt } from "../../wire/near_names.ts";
import { nearestName } from "../plan/task_names.ts";
import {
  type ConfigNode,
  type ConfigText,
  describeNode,
  invalidConfig,
  membersOf,
  stringOf,
} from "./jsonc.ts";

/**
 * Returns the members of a section.
 *
 * @param node the section; if absent or null, it has no members
 * @param place the section's name, for messages
 * @throws {WireError} `projectError` of kind `invalid-config` if it is no object, or if a member is
 *   not among the `known` names
 */
export function sectionOf(
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

/**
 * Reads a list of strings.
 *
 * @param what the list's name, for messages
 * @throws {WireError} `projectError` of kind `invalid-config`
 */
export function readTextList(
  source: ConfigText,
  node: ConfigNode,
  what: string,
): readonly string[] {
  const mistaken = (wrong: ConfigNode): Error =>
    invalidConfig(
      source,
      wrong.offset,
      `${what} must be a list of strings, but found ${describeNode(wrong)}`,
    );
  if (node.type !== "array") throw mistaken(node);
  return (node.children ?? []).map((child) => {
    const text = stringOf(child);
    if (text === undefined) throw mistaken(child);
    return text;
  });
}
