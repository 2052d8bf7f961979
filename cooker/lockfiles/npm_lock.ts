/**
 * Reads `package-lock.json` and `npm-shrinkwrap.json` of the versions 2 and 3.
 *
 * @module
 */

import { type Lockfile, memberOf, type Members, membersOf } from "./lockfile.ts";

const KINDS = [
  "dependencies",
  "devDependencies",
  "optionalDependencies",
  "peerDependencies",
] as const;

/** Parses the file. Returns `undefined` if its version is unknown. */
export function readNpmLock(text: string): Lockfile | undefined {
  const root = membersOf(JSON.parse(text));
  if (root.lockfileVersion !== 2 && root.lockfileVersion !== 3) return undefined;
  const packages = membersOf(root.packages);
  return {
    common: "",
    start: (folder) => {
      const key = folder === "." ? "" : folder;
      return Object.hasOwn(packages, key) ? dependenciesOf(packages, key) : undefined;
    },
    package: (key) => {
      if (!Object.hasOwn(packages, key)) return undefined;
      const entry = membersOf(packages[key]);
      if (entry.link === true) return { identity: `link ${entry.resolved}`, dependencies: [] };
      const name = entry.name ?? key.slice(key.lastIndexOf("node_modules/") + 13);
      const identity = [name, entry.version, entry.integrity ?? entry.resolved].join(" ");
      return { identity, dependencies: dependenciesOf(packages, key) };
    },
  };
}

/** Returns the keys of the packages that Node finds for the dependencies of a package. */
function dependenciesOf(packages: Members, key: string): string[] {
  const entry = membersOf(memberOf(packages, key));
  const names = KINDS.flatMap((kind) => Object.keys(membersOf(entry[kind])));
  return [...new Set(names)].map((name) => {
    for (let folder = key;;) {
      const place = folder === "" ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
      if (Object.hasOwn(packages, place)) return place;
      if (folder === "") return `absent ${name}`;
      const slash = folder.lastIndexOf("/");
      folder = slash < 0 ? "" : folder.slice(0, slash);
    }
  });
}
