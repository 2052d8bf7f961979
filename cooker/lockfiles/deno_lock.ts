/**
 * Reads `deno.lock` of the versions 4 and 5.
 *
 * @module
 */

import { type Lockfile, memberOf, type Members, membersOf, textsOf } from "./lockfile.ts";

/** Parses the file. Returns `undefined` if its version is unknown. */
export function readDenoLock(text: string): Lockfile | undefined {
  const root = membersOf(JSON.parse(text));
  if (root.version !== "4" && root.version !== "5") return undefined;
  const specifiers = membersOf(root.specifiers);
  const jsr = membersOf(root.jsr);
  const npm = membersOf(root.npm);
  const workspace = membersOf(root.workspace);
  const members = membersOf(workspace.members);
  const own = declaredIn(workspace);
  const declared = new Set([...own, ...Object.values(members).flatMap(declaredIn)]);
  // Code may import a package by its specifier alone, so those count that no config declares.
  const inline = Object.keys(specifiers).filter((each) => !declared.has(each));
  const keyOf = (specifier: string): string => {
    const version = memberOf(specifiers, specifier);
    const [, kind = "", name = ""] = /^(npm|jsr):\/?(@[^/]+\/[^@/]+|[^@/]+)/.exec(specifier) ?? [];
    return typeof version === "string" ? `${kind}:${name}@${version}` : specifier;
  };
  return {
    common: JSON.stringify([root.redirects ?? null, root.remote ?? null]),
    start: (folder) => [
      ...new Set([...own, ...inline, ...declaredIn(memberOf(members, folder))].map(keyOf)),
    ],
    package: (key) => {
      const isNpm = key.startsWith("npm:");
      const id = key.slice("npm:".length);
      const list = isNpm ? npm : jsr;
      const found = Object.hasOwn(list, id) ? id : theOnly(list, id);
      if (found === undefined) return undefined;
      const entry = membersOf(list[found]);
      const names = [...textsOf(entry.dependencies), ...textsOf(entry.optionalDependencies)];
      return {
        identity: `${isNpm ? "npm" : "jsr"}:${found} ${entry.integrity}`,
        dependencies: names.map((name) => isNpm ? `npm:${name}` : keyOf(name)),
      };
    },
  };
}

function declaredIn(value: unknown): string[] {
  const members = membersOf(value);
  return [
    ...textsOf(members.dependencies),
    ...textsOf(membersOf(members.packageJson).dependencies),
  ];
}

/** Returns the key of the only installed version of a package that is named without one. */
function theOnly(list: Members, name: string): string | undefined {
  const found = Object.keys(list).filter((key) => key.startsWith(`${name}@`));
  return found.length === 1 ? found[0] : undefined;
}
