/**
 * Declares that a part of a lockfile is an input of a task: what its package depends on.
 *
 * @module
 */

/** A lockfile, and the packages whose dependencies count. */
export interface LockfileInput {
  /** Path relative to the task's folder. */
  readonly path: string;
  /**
   * Folders of the task's package and of the workspace's packages that it depends on, relative to
   * the lockfile's folder; `.` is that folder. If empty, the whole file counts.
   */
  readonly packages: readonly string[];
  /** Dependencies of these packages, as `name@range`, for formats that do not list packages. */
  readonly specifiers: readonly string[];
}

/**
 * Returns what counts of a lockfile, as the content of an input.
 *
 * @param file absolute path of the lockfile
 * @param content the content of its record, as in a snapshot: the digest of the whole file
 */
export type LockfileReader = (
  input: LockfileInput,
  file: string,
  content: string,
) => Promise<string>;

/** Begins the content of a lockfile of which only a part counts. */
export const PART_OF_LOCKFILE = "packages ";
