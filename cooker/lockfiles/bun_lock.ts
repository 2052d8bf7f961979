/**
 * Reads `bun.lock` of the versions 0 and 1.
 *
 * @module
 */

import { parse } from "jsonc-parser";
import { type Lockfile, memberOf, membersOf } from "./lockfile.ts";

const KINDS = [
  "dependencies",
  "devDependencies",
  "optionalDependencies",
  "peerDependencies",
] as const;

/** Keys of the file that count for every package. */
const COMMON = ["overrides", "patchedDependencies", "catalog", "catalogs"] as const;

/** Parses the file. Returns `undefined` if its version is unknown. */
export function readBunLock(text: string): Lockfile | undefined {
  const root = membersOf(parse(text, [], { allowTrailingComma: true }));
  if (root.lockfileVersion !== 0 && root.lockfileVersion !== 1) return undefined;
  const workspaces = membersOf(root.workspaces);
  const packages = membersOf(root.packages);
  /** Returns the key of the package that is installed nearest to the one that depends on it. */
  const keyOf = (name: string, dependent: readonly string[]): string => {
    for (let length = dependent.length; length >= 0; length--) {
      const key = [...dependent.slice(0, length), name].join("/");
      if (Object.hasOwn(packages, key)) return key;
    }
    return `absent ${name}`;
  };
  const namesIn = (value: unknown): string[] =>
    KINDS.flatMap((kind) => Object.keys(membersOf(membersOf(value)[kind])));
  const ofWorkspace = (folder: string): string[] => {
    const workspace = membersOf(memberOf(workspaces, folder));
    const own = typeof workspace.name === "string" ? [workspace.name] : [];
    return namesIn(workspace).map((name) => keyOf(name, own));
  };
  return {
    common: JSON.stringify(COMMON.map((key) => root[key] ?? null)),
    start: (folder) => {
      const key = folder === "." ? "" : folder;
      return Object.hasOwn(workspaces, key) ? ofWorkspace(key) : undefined;
    },
    package: (key) => {
      const entry = memberOf(packages, key);
      if (!Array.isArray(entry)) return undefined;
      const [resolution = "", ...facts] = entry;
      if (String(resolution).includes("@workspace:")) {
        return { identity: String(resolution), dependencies: [] };
      }
      const names = facts.flatMap(namesIn);
      return {
        identity: JSON.stringify([resolution, facts.filter((each) => typeof each === "string")]),
        dependencies: names.map((name) => keyOf(name, partsOf(key))),
      };
    },
  };
}

/** Splits a key into names of packages. A name may have a scope. */
function partsOf(key: string): string[] {
  return key.match(/@[^/]+\/[^/]+|[^/]+/g) ?? [];
}
