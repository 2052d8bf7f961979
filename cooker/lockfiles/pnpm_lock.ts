/**
 * Reads `pnpm-lock.yaml` of the versions 6 and 9.
 *
 * @module
 */

import { parse } from "yaml";
import { joinPath } from "../../system/files/files.ts";
import { type Lockfile, memberOf, type Members, membersOf } from "./lockfile.ts";

const KINDS = ["dependencies", "devDependencies", "optionalDependencies"] as const;

/** Keys of the file that count for every package. */
const COMMON = [
  "settings",
  "overrides",
  "packageExtensionsChecksum",
  "pnpmfileChecksum",
  "patchedDependencies",
] as const;

/** Parses the file. Returns `undefined` if its version is unknown. */
export function readPnpmLock(text: string): Lockfile | undefined {
  const root = membersOf(parse(text));
  const version = String(root.lockfileVersion);
  if (!/^(?:6\.\d+|9\.0)$/.test(version)) return undefined;
  const importers = "importers" in root ? membersOf(root.importers) : { ".": root };
  const packages = membersOf(root.packages);
  const isNine = version === "9.0";
  const snapshots = isNine ? membersOf(root.snapshots) : packages;
  const ofImporter = (folder: string): string[] => {
    const importer = membersOf(memberOf(importers, folder));
    return KINDS.flatMap((kind) =>
      Object.entries(membersOf(importer[kind])).map(([name, entry]) =>
        keyOf(name, String(membersOf(entry).version ?? entry), { folder, snapshots, isNine })
      )
    );
  };
  return {
    common: JSON.stringify(COMMON.map((key) => root[key] ?? null)),
    start: (folder) => Object.hasOwn(importers, folder) ? ofImporter(folder) : undefined,
    package: (key) => {
      if (key.startsWith(LINK)) return { identity: key, dependencies: [] };
      if (!Object.hasOwn(snapshots, key)) return undefined;
      const snapshot = membersOf(snapshots[key]);
      const info = membersOf(memberOf(packages, isNine ? key.replace(/\(.*$/, "") : key));
      const names = [
        ...Object.entries(membersOf(snapshot.dependencies)),
        ...Object.entries(membersOf(snapshot.optionalDependencies)),
      ];
      return {
        identity: `${key} ${JSON.stringify(info.resolution ?? null)}`,
        dependencies: names.map(([name, each]) =>
          keyOf(name, String(each), { folder: ".", snapshots, isNine })
        ),
      };
    },
  };
}

/** Begins the key of a package of the workspace. */
const LINK = "link:";

function keyOf(
  name: string,
  version: string,
  { folder, snapshots, isNine }: {
    readonly folder: string;
    readonly snapshots: Members;
    readonly isNine: boolean;
  },
): string {
  if (version.startsWith(LINK)) return `${LINK}${joinPath(folder, version.slice(LINK.length))}`;
  const slash = isNine ? "" : "/";
  const usual = `${slash}${name}@${version}`;
  // An alias has the name of the package in its version.
  return Object.hasOwn(snapshots, usual) ? usual : version;
}
