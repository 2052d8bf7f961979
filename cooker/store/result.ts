/**
 * Types of a stored result: the outputs and the log of a successful run of a task.
 *
 * @module
 */

/** An output of a task. Paths are relative to the folder that the task ran in. */
export type OutputEntry =
  | {
    readonly kind: "file";
    readonly path: string;
    /** SHA-256 of the content. */
    readonly digest: string;
    readonly bytes: number;
    /** Permissions, such as `0o755`. */
    readonly mode: number;
  }
  | { readonly kind: "link"; readonly path: string; readonly target: string }
  /** A folder that the task made. */
  | { readonly kind: "folder"; readonly path: string; readonly mode: number };

/** A result, stored under the fingerprint of everything that it depends on. */
export interface StoredResult {
  /** 64 hex digits. */
  readonly fingerprint: string;
  /** The task's key. */
  readonly task: string;
  /** Duration of the run, in milliseconds. */
  readonly durationMs: number;
  /** Time of storing, in milliseconds since the Unix epoch. */
  readonly savedAt: number;
  /** The outputs of the task, sorted by path. */
  readonly outputs: readonly OutputEntry[];
  /**
   * The digest of the blob with the task's log. Absent if the task printed nothing, or too much to
   * be stored.
   */
  readonly log?: string;
}
