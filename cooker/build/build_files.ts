/**
 * What a build leaves on disk: its events, and each task's whole output.
 *
 * @module
 */

import { BestEffortFile } from "../../system/files/best_effort_file.ts";
import {
  ensureFolder,
  type FileIdentity,
  fileIdentity,
  isSameFile,
  isSystemError,
  joinPath,
  listFolder,
  removeTree,
} from "../../system/files/files.ts";
import { fileSize, type FolderSize, folderSize } from "../../system/files/file_size.ts";
import type { SimmerEvent } from "../../wire/events.ts";
import { redact } from "../../wire/redact.ts";

/** Where builds are kept, both absolute. */
export interface BuildFolders {
  /** For `ID.jsonl`. */
  readonly builds: string;
  /** For `ID/TASK.log`. */
  readonly logs: string;
  /** Whether they are gone with the process. */
  readonly isTemporary?: boolean;
}

/** The longest name of a log, in characters of one byte. */
const MAX_NAME = 120;
const JOURNAL_SUFFIX = ".jsonl";

/** The files of one build. A build does not depend on them: what can't be written is told. */
export class BuildFiles {
  readonly #folder: string;
  readonly #journal: BestEffortFile;
  readonly #record: { readonly path: string; identity: FileIdentity | undefined };
  #error: Error | undefined;
  #tell: ((error: Error) => void) | undefined;

  /** Whether the logs can be looked at when the build is over. */
  readonly areKept: boolean;

  private constructor(folder: string, journal: string, areKept: boolean) {
    this.areKept = areKept;
    this.#record = { path: journal, identity: undefined };
    this.#folder = folder;
    this.#journal = new BestEffortFile(journal, (error) => this.#fail(error));
  }

  /** Makes a build's files. */
  static create(id: string, { builds, logs, isTemporary }: BuildFolders): BuildFiles {
    const folder = joinPath(logs, id);
    const journal = journalPath(id, builds);
    const files = new BuildFiles(folder, journal, isTemporary !== true);
    files.#attempt(() => {
      ensureFolder(builds, 0o700);
      if (files.#journal.open()) files.#record.identity = fileIdentity(journal);
    });
    return files;
  }

  /**
   * Says who is told what the system says where the files can't be written, as far as that concerns
   * the build's events; at once where it has happened already.
   */
  whenFailed(tell: (error: Error) => void): void {
    this.#tell = tell;
    if (this.#error !== undefined) tell(this.#error);
  }

  /**
   * Creates the folder of the logs. Retention finds the folder by the journal, so none is created if the
   * journal was deleted, as it is with the state folder of a project that was removed.
   *
   * @returns `false` if no logs may be written
   * @throws {Error} what the system says if it cannot be made
   */
  ensureLogs(): boolean {
    const { identity, path } = this.#record;
    if (identity === undefined || !isSameFile(fileIdentity(path), identity)) return false;
    ensureFolder(this.#folder, 0o700);
    return true;
  }

  /** Where a task's output goes. */
  logPath(task: string, index: number): string {
    const name = encodeURIComponent(task).slice(0, MAX_NAME) || "task";
    return joinPath(this.#folder, `${index}-${name}.log`);
  }

  /**
   * Writes an event into the build's journal.
   *
   * @param hasSecrets whether command lines may have what must not be kept
   */
  record(event: SimmerEvent, hasSecrets: boolean): void {
    const isPlain = !hasSecrets || event.type === "TaskOutput";
    this.#journal.addText(`${isPlain ? JSON.stringify(event) : redactedJson(event)}\n`);
  }

  /** Has the journal on disk. */
  flush(): void {
    this.#journal.flush();
  }

  /** Closes the journal; safe to call twice. */
  close(): void {
    this.#journal.close();
  }

  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!isSystemError(error)) throw error;
      this.#fail(error);
    }
  }

  /** Without a journal or a folder for the logs, there is one message all the same. */
  #fail(error: Error): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#tell?.(error);
  }
}

function redactedJson(event: SimmerEvent): string {
  return JSON.stringify(
    event,
    (_, value: unknown) => typeof value === "string" ? redact(value) : value,
  );
}

/** The ids of the builds that are on disk, the oldest first. */
export function keptBuilds({ builds }: BuildFolders): string[] {
  return listFolder(builds)
    .filter((name) => name.endsWith(JOURNAL_SUFFIX))
    .map((name) => name.slice(0, -JOURNAL_SUFFIX.length));
}

/** The size of a build's journal, in bytes. */
export function journalSize(id: string, { builds }: BuildFolders): number {
  return fileSize(journalPath(id, builds)) ?? 0;
}

/** The files of a build, and how many bytes they take. */
export function buildSize(id: string, folders: BuildFolders): FolderSize {
  const { files, bytes } = folderSize(joinPath(folders.logs, id));
  return { files: files + 1, bytes: bytes + journalSize(id, folders) };
}

/** Removes the files of a build. */
export function removeBuild(id: string, { builds, logs }: BuildFolders): void {
  // The journal goes last: the folder is found by it.
  removeTree(joinPath(logs, id));
  removeTree(journalPath(id, builds));
}

function journalPath(id: string, builds: string): string {
  return joinPath(builds, `${id}${JOURNAL_SUFFIX}`);
}

/** Gives builds their ids: they sort by time, and no two are the same. */
export class BuildIds {
  readonly #tag: string;
  #count = 0;

  /** @param tag tells servers apart that start builds in the same millisecond */
  constructor(tag: string) {
    this.#tag = tag;
  }

  /**
   * The next id.
   *
   * @param time milliseconds since the Unix epoch
   */
  next(time: number): string {
    const stamp = new Date(time).toISOString().replace(/[-:.]|Z$/g, "").replace("T", "-");
    this.#count++;
    return `${stamp}-${this.#tag}-${this.#count}`;
  }
}
