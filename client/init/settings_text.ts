/**
 * Adds proposals to the text of a config file: the section `simmer`, and nothing else. Every other
 * character stays.
 *
 * @module
 */

import { findNodeAtLocation, type Node, parseTree } from "jsonc-parser";
import type { Proposal } from "./proposals.ts";

/** A value of the settings. */
type Value = readonly string[] | { readonly [key: string]: Value };

/** Returns the text with the settings of tasks added. */
export function withProposals(
  text: string,
  proposals: readonly (readonly [task: string, proposal: Proposal])[],
): string {
  let changed = text;
  for (const [task, { files, output }] of proposals) {
    const declared = { files, ...(output === undefined ? {} : { output }) };
    changed = withValue(changed, ["simmer", "tasks", task], declared);
  }
  return changed;
}

/** Adds a value at a path. Objects on the path that are missing are added, too. */
function withValue(text: string, path: readonly string[], value: Value): string {
  const root = parseTree(text, [], { allowTrailingComma: true });
  if (root?.type !== "object") return text;
  for (let depth = path.length; depth > 0; depth--) {
    const node = findNodeAtLocation(root, path.slice(0, depth));
    if (node === undefined) continue;
    if (depth < path.length) return withMember(text, node, path.slice(depth), { depth, value });
    // The task has other settings already.
    return Object.entries(value).reduce(
      (changed, [key, each]) =>
        findNodeAtLocation(root, [...path, key]) === undefined
          ? withValue(changed, [...path, key], each)
          : changed,
      text,
    );
  }
  return withMember(text, root, path, { depth: 0, value });
}

/** Adds a member behind the last one of an object. */
function withMember(
  text: string,
  object: Node,
  [name = "", ...more]: readonly string[],
  { depth, value }: { readonly depth: number; readonly value: Value },
): string {
  const unit = /^([ \t]+)"/m.exec(text)?.[1] ?? "  ";
  const line = text.includes("\r\n") ? "\r\n" : "\n";
  const whole = more.reduceRight<Value>((inner, key) => ({ [key]: inner }), value);
  const indent = unit.repeat(depth + 1);
  const member = `${JSON.stringify(name)}: ${JSON.stringify(whole, null, unit)}`;
  const added = `${indent}${member.replaceAll("\n", `${line}${indent}`)}`;
  const last = object.children?.at(-1);
  const start = last === undefined ? object.offset + 1 : last.offset + last.length;
  const end = object.offset + object.length - 1;
  const rest = text.slice(start, end);
  const hasComma = rest.replace(/\/\/.*|\/\*[^]*?\*\//g, "").includes(",");
  const comma = last === undefined || hasComma ? "" : ",";
  return `${text.slice(0, start)}${comma}${rest.trimEnd()}${line}${added}${line}${
    unit.repeat(depth)
  }${text.slice(end)}`;
}
