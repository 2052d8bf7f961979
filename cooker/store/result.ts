/**
 * What is kept of a task that ran well.
 *
 * @module
 */

/** One thing that a task made; paths are relative to the folder that it ran in. */
export type OutputEntry =
  | {
    readonly kind: "file";
    readonly path: string;
    /** SHA-256 of its content. */
    readonly digest: string;
    /** Its size. */
    readonly bytes: number;
    /** Its permissions, such as `0o755`. */
    readonly mode: number;
  }
  | { readonly kind: "link"; readonly path: string; readonly target: string }
  /** A folder that the task made. */
  | { readonly kind: "folder"; readonly path: string; readonly mode: number };

/** A result, under the fingerprint of all that it depends on. */
export interface StoredResult {
  /** 64 hex digits. */
  readonly fingerprint: string;
  /** The task that it is of. */
  readonly task: string;
  /** How long the task ran, in milliseconds. */
  readonly durationMs: number;
  /** When it was kept, in milliseconds since the Unix epoch. */
  readonly savedAt: number;
  /** What the task made, sorted by path. */
  readonly outputs: readonly OutputEntry[];
  /** The digest of the blob with what the task printed; absent where it printed nothing. */
  readonly log?: string;
}
