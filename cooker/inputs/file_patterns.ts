/**
 * The interface of patterns that select files, and the declarations that they are made from.
 *
 * @module
 */

import type { LockfileInput } from "../lockfiles/lockfile_input.ts";

/** Selects files. All paths are absolute. */
export interface FilePatterns {
  /** The folder to which reported paths are relative. */
  readonly folder: string;
  /** True if a walk follows links to folders. */
  readonly followsLinks: boolean;
  /** The paths at which a walk begins. Some may be inside others. */
  readonly bases: readonly string[];
  /** Returns true if a file at a path is selected. */
  matches(path: string): boolean;
  /** Returns true if a path, or a folder with everything in it, is excluded. */
  excludes(path: string): boolean;
  /** Returns true if anything in a folder may be selected. */
  reachesInto(folder: string): boolean;
  /** Returns true if a walk skips a folder although files in it would be selected. */
  passesOver(folder: string): boolean;
  /** Called before each walk. Forgets what was read from files that `steers` names. */
  refresh?(): void;
  /** Returns true if the selection depends on the contents of a file, as of a `.gitignore`. */
  steers?(path: string): boolean;
}

/** The tool whose globs these are. */
export type Dialect = "turbo" | "wireit";

/** Globs in the language of another tool. */
export interface GlobGroup {
  readonly dialect: Dialect;
  /** The folder that they are relative to, relative to the task's folder. Default: that folder. */
  readonly from?: string;
  /** A leading `!` excludes. */
  readonly entries: readonly string[];
  /** True if all files that git does not ignore are selected, too, unless an entry excludes them. */
  readonly hasUnignored?: boolean;
  /** True if no folder is skipped by its name (`node_modules`, `.git` …). */
  readonly hasAllFolders?: boolean;
}

/** A declaration of files. */
export interface PatternSpec {
  /** Entries in our own language, as in the `files` of a task. */
  readonly entries: readonly string[];
  readonly globs?: readonly GlobGroup[];
  /** Files that are left out, such as the task's own outputs. */
  readonly without?: Pick<PatternSpec, "entries" | "globs">;
  /** Lockfiles of which only a part counts. */
  readonly lockfiles?: readonly LockfileInput[];
}
