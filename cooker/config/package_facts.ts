/**
 * Reads the facts of a `package.json` that its scripts get as variables, in the way of `deno task`
 * and in the way of npm.
 *
 * @module
 */

import { baseName } from "../../system/files/files.ts";
import { type ConfigNode, membersOf, stringOf } from "./jsonc.ts";

/** The facts about a package that its scripts get as `npm_package_…` variables. */
export interface PackageFacts {
  readonly name?: string;
  readonly version?: string;
  /** The flattened `config` section. Names have no `npm_package_config_` prefix. */
  readonly config: ReadonlyMap<string, string>;
  /** The variables that npm sets: name, version, `config`, `engines` and `bin`. */
  readonly npm: ReadonlyMap<string, string>;
  /** The package manager that the project names, with a version if it is exact. */
  readonly manager?: { readonly name: string; readonly version?: string };
}

/** Returns the facts of a `package.json`, from the members of its root. */
export function packageFacts(members: ReadonlyMap<string, ConfigNode>): PackageFacts {
  const name = stringOf(members.get("name"));
  const version = stringOf(members.get("version"));
  const config = new Map<string, string>();
  for (const [key, node] of membersOf(members.get("config"))) flatten(config, key, node);
  const npm = new Map<string, string>();
  if (name !== undefined) npm.set("npm_package_name", name);
  if (version !== undefined) npm.set("npm_package_version", version);
  for (const key of ["config", "engines"]) {
    const node = members.get(key);
    if (node !== undefined) flatten(npm, `npm_package_${key}`, node, "npm");
  }
  for (const [bin, path] of programsOf(members.get("bin"), name)) {
    npm.set(`npm_package_bin_${bin}`, path);
  }
  const manager = managerOf(members);
  return {
    config,
    npm,
    ...(name === undefined ? {} : { name }),
    ...(version === undefined ? {} : { version }),
    ...(manager === undefined ? {} : { manager }),
  };
}

/** Returns the programs of a package as npm normalizes them. */
function programsOf(node: ConfigNode | undefined, name: string | undefined): [string, string][] {
  const short = (path: string): string => path.replace(/^(\.\/)+/, "");
  const single = stringOf(node);
  if (single !== undefined) return name === undefined ? [] : [[baseName(name), short(single)]];
  return [...membersOf(node)].flatMap(([bin, each]): [string, string][] => {
    const path = stringOf(each);
    return path === undefined ? [] : [[baseName(bin), short(path)]];
  });
}

function managerOf(members: ReadonlyMap<string, ConfigNode>): PackageFacts["manager"] {
  const named = /^([a-z]+)@([^+]+)/.exec(stringOf(members.get("packageManager")) ?? "");
  if (named?.[1] !== undefined && named[2] !== undefined) {
    return { name: named[1], version: named[2] };
  }
  const engine = membersOf(membersOf(members.get("devEngines")).get("packageManager"));
  const name = stringOf(engine.get("name"));
  const version = stringOf(engine.get("version"));
  if (name === undefined) return undefined;
  return version !== undefined && /^\d+\.\d+\.\d+/.test(version) ? { name, version } : { name };
}

/**
 * Flattens a value. Nested names are joined with `_`, list items are named by their index, and null
 * becomes an empty string. npm also makes an empty string of false.
 */
function flatten(
  into: Map<string, string>,
  key: string,
  node: ConfigNode,
  way: "deno" | "npm" = "deno",
): void {
  if (node.type === "object") {
    for (const [name, child] of membersOf(node)) flatten(into, `${key}_${name}`, child, way);
  } else if (node.type === "array") {
    (node.children ?? []).forEach((child, index) => flatten(into, `${key}_${index}`, child, way));
  } else {
    const isEmpty = node.type === "null" || (way === "npm" && node.value === false);
    into.set(key, isEmpty ? "" : String(node.value));
  }
}
