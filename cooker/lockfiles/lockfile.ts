/**
 * The common model of lockfiles: installed packages, and which package depends on which.
 *
 * @module
 */

/** An installed package. */
interface LockedPackage {
  /** Its name, version and digest. */
  readonly identity: string;
  /** Keys of the packages that it depends on. */
  readonly dependencies: readonly string[];
}

/** A parsed lockfile. */
export interface Lockfile {
  /** Content that counts for every package, such as overrides. */
  readonly common: string;
  /**
   * Returns the keys of the packages that a workspace package depends on.
   *
   * @returns `undefined` if the lockfile does not say
   */
  start(folder: string, specifiers: readonly string[]): readonly string[] | undefined;
  /**
   * Returns the package of a key; `undefined` if there is none. One of the workspace has no
   * dependencies here: whether they count is decided by the list of packages.
   */
  package(key: string): LockedPackage | undefined;
}

/**
 * Returns a text of everything that some workspace packages depend on, directly or not. Which
 * package depends on which counts, too, because several versions of one may be installed.
 *
 * @returns `undefined` if the lockfile does not say
 */
export function closureText(
  lockfile: Lockfile,
  folders: readonly string[],
  specifiers: readonly string[],
): string | undefined {
  const lines: string[] = [];
  const found = new Set<string>();
  for (const folder of folders) {
    const start = lockfile.start(folder, specifiers);
    if (start === undefined) return undefined;
    for (const key of start) {
      lines.push(`${folder} > ${lockfile.package(key)?.identity ?? `no ${key}`}`);
      found.add(key);
    }
  }
  // A set iterates over the entries that are added on the way.
  for (const key of found) {
    const { identity, dependencies } = lockfile.package(key) ?? { identity: "", dependencies: [] };
    for (const dependency of dependencies) {
      lines.push(`${identity} > ${lockfile.package(dependency)?.identity ?? `no ${dependency}`}`);
      found.add(dependency);
    }
  }
  return [lockfile.common, ...[...new Set(lines)].sort()].join("\n");
}

/** A value of a parsed file, as an object. Other values have no members. */
export type Members = Readonly<Record<string, unknown>>;

/** Returns a value as an object, and an empty object for other values. */
export function membersOf(value: unknown): Members {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Members
    : {};
}

/** Returns a member that an object itself has. */
export function memberOf(members: Members, name: string): unknown {
  return Object.hasOwn(members, name) ? members[name] : undefined;
}

/** Returns the texts of a list, and an empty list for other values. */
export function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}

/** Returns the entries of an object whose values are texts. */
export function textEntries(value: unknown): (readonly [string, string])[] {
  return Object.entries(membersOf(value)).flatMap(([name, text]) =>
    typeof text === "string" ? [[name, text] as const] : []
  );
}
