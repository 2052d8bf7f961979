/**
 * The package manager of a project, by its lockfile.
 *
 * @module
 */

/** Lockfiles with their package managers. The first one that exists counts. */
export const MANAGER_LOCKFILES: readonly (readonly [file: string, manager: string])[] = [
  ["package-lock.json", "npm"],
  ["npm-shrinkwrap.json", "npm"],
  ["pnpm-lock.yaml", "pnpm"],
  ["yarn.lock", "yarn"],
  ["bun.lock", "bun"],
  ["bun.lockb", "bun"],
];
