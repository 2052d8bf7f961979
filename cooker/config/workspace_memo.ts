/**
 * Keeps the folders of a workspace until a config file changes. Reading the config of hundreds of
 * members takes longer than planning a run of them.
 *
 * @module
 */

import type { FileSet } from "../inputs/file_set.ts";
import type { Snapshot } from "../inputs/snapshot.ts";
import type { Workspace } from "./workspace.ts";

/** The parts of the cooker that the folders are read with. */
interface WorkspaceReader {
  /** Reads the folders. */
  readonly read: () => Workspace;
  /**
   * Returns the set of the config files that were read or looked for so far. It is the same object
   * until another file is.
   */
  readonly configSet: () => FileSet | undefined;
}

/** The folders of a workspace, and the config files that they were read from. */
interface Kept {
  readonly workspace: Workspace;
  readonly set: FileSet;
  readonly snapshot: Snapshot;
}

/** Keeps the folders of one workspace. */
export class WorkspaceMemo {
  readonly #reader: WorkspaceReader;
  #kept: Kept | undefined;

  constructor(reader: WorkspaceReader) {
    this.#reader = reader;
  }

  /**
   * Returns the folders of the workspace.
   *
   * @throws {WireError} what the reader throws
   */
  get(): Workspace {
    const kept = this.#kept;
    if (kept?.set === this.#reader.configSet() && kept?.set.isSettledAs(kept.snapshot)) {
      return kept.workspace;
    }
    this.#kept = undefined;
    // Taken before the files are read, so that an edit in the meantime shows up as a change.
    const set = this.#reader.configSet();
    const snapshot = set?.snapshot();
    const workspace = this.#reader.read();
    const isSame = set !== undefined && set === this.#reader.configSet();
    if (isSame && snapshot !== undefined) this.#kept = { workspace, set, snapshot };
    return workspace;
  }
}
