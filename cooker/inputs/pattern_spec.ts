/**
 * Makes patterns from the declaration of a task's files, which may be in several languages.
 *
 * @module
 */

import type { FilePatterns, PatternSpec } from "./file_patterns.ts";
import { GlobPatterns } from "./glob_patterns.ts";
import { PathPatterns, type PatternUse } from "./patterns.ts";

/**
 * Makes the patterns of a declaration.
 *
 * @param folder absolute
 * @returns `undefined` if an entry is not a valid pattern
 */
export function patternsOf(
  folder: string,
  { entries, globs = [], without, lockfiles = [] }: PatternSpec,
  use: PatternUse,
): FilePatterns | undefined {
  const own = PathPatterns.parse(folder, entries, use);
  if (own === undefined) return undefined;
  if (globs.length === 0 && lockfiles.length === 0 && without === undefined) return own;
  const groups: FilePatterns[] = globs.map((each) => new GlobPatterns(folder, each, use));
  if (entries.length > 0) groups.push(own);
  if (lockfiles.length > 0) {
    const locks = PathPatterns.parse(folder, lockfiles.map(({ path }) => path), use);
    if (locks === undefined) return undefined;
    groups.push(locks);
  }
  const [single] = groups;
  if (groups.length === 1 && single !== undefined && without === undefined) return single;
  const left = without === undefined ? undefined : patternsOf(folder, without, use);
  return new JoinedPatterns(folder, groups, left);
}

/** The files that any of several groups selects, without some of them. */
class JoinedPatterns implements FilePatterns {
  readonly folder: string;
  readonly #groups: readonly FilePatterns[];
  readonly #without: FilePatterns | undefined;

  constructor(
    folder: string,
    groups: readonly FilePatterns[],
    without: FilePatterns | undefined,
  ) {
    this.folder = folder;
    this.#groups = groups;
    this.#without = without;
  }

  get followsLinks(): boolean {
    return this.#groups.some(({ followsLinks }) => followsLinks);
  }

  get bases(): readonly string[] {
    return this.#groups.flatMap(({ bases }) => bases);
  }

  matches(path: string): boolean {
    return this.#groups.some((group) => group.matches(path)) && !this.#isLeftOut(path);
  }

  excludes(path: string): boolean {
    return this.#isLeftOut(path) || this.#groups.every((group) => group.excludes(path));
  }

  reachesInto(folder: string): boolean {
    return !this.#isLeftOut(folder) &&
      this.#groups.some((group) => group.reachesInto(folder) && !group.passesOver(folder));
  }

  passesOver(folder: string): boolean {
    return this.#groups.every((group) => group.passesOver(folder));
  }

  refresh(): void {
    for (const group of this.#groups) group.refresh?.();
  }

  steers(path: string): boolean {
    return this.#groups.some((group) => group.steers?.(path) ?? false);
  }

  #isLeftOut(path: string): boolean {
    return this.#without?.matches(path) ?? false;
  }
}
