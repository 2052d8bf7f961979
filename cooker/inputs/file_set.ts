/**
 * The interface of a set of files: keeps its contents up to date, and takes snapshots of them.
 *
 * @module
 */

import type { FilePatterns } from "./file_patterns.ts";
import type { Snapshot } from "./snapshot.ts";
import type { Found } from "./walk.ts";

/** A set of files whose contents a result depends on. */
export interface FileSet {
  /** The patterns of the set, without those of imported folders. */
  readonly patterns: FilePatterns;
  /** Counter that grows with every reported change. */
  readonly version: number;
  /** True if every change in the set's folders is reported. */
  readonly isWatched: boolean;
  /**
   * True if every change of the set is reported: no file can be changed by another name or behind a
   * link.
   */
  readonly isTold: boolean;
  /** True if the last snapshot is valid until a change is reported. */
  readonly isSettled: boolean;
  /** Returns true if a snapshot is the last one and is valid until a change is reported. */
  isSettledAs(snapshot: Snapshot): boolean;
  /** Returns the name that a file has in snapshots. */
  nameOf(path: string): string;
  /** Finds the files, links and empty folders of the set in slices, sorted by path. */
  find(signal?: AbortSignal): Promise<Found>;
  /**
   * Returns the files with their current contents, including large files. The work is done in
   * slices between which the event loop runs.
   *
   * @param signal aborts the work
   * @throws the signal's reason if it is aborted
   */
  look(signal?: AbortSignal): Promise<Snapshot>;
  /**
   * Returns the files with their current contents synchronously. For large files, only the inodes
   * are used.
   */
  snapshot(): Snapshot;
  /** Returns true if nothing was changed since a snapshot, not even temporarily. */
  isUnchangedSince(earlier: Snapshot): Promise<boolean>;
}
