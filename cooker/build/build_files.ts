/**
 * Writes the files of a build: a journal of its events, and a log with the whole output of each
 * task. Also lists and removes the files of earlier builds.
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

/** The folders that contain the files of all builds. Both paths are absolute. */
export interface BuildFolders {
  /** Contains `ID.jsonl`. */
  readonly builds: string;
  /** Contains `ID/TASK.log`. */
  readonly logs: string;
  /** True if the folders are deleted when the process ends. */
  readonly isTemporary?: boolean;
}

/** The maximum length of a log's name, in characters of one byte. */
const MAX_NAME = 120;
const JOURNAL_SUFFIX = ".jsonl";

/**
 * The files of one build. A build does not depend on them. If they cannot be written, the error is
 * reported and the build goes on.
 */
export class BuildFiles {
  readonly #folder: string;
  readonly #journal: BestEffortFile;
  readonly #record: { readonly path: string; identity: FileIdentity | undefined };
  #error: Error | undefined;
  #tell: ((error: Error) => void) | undefined;

  /** True if the logs still exist after the build. */
  readonly areKept: boolean;

  private constructor(folder: string, journal: string, areKept: boolean) {
    this.areKept = areKept;
    this.#record = { path: journal, identity: undefined };
    this.#folder = folder;
    this.#journal = new BestEffortFile(journal, (error) => this.#fail(error));
  }

  /** Creates the files of a build. */
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

  /** Path of the journal, absolute. */
  get journalPath(): string {
    return this.#record.path;
  }

  /**
   * Sets the listener for the first error in writing the build's journal or creating its folder. If
   * the error has already occurred, the listener is called at once.
   */
  whenFailed(tell: (error: Error) => void): void {
    this.#tell = tell;
    if (this.#error !== undefined) tell(this.#error);
  }

  /**
   * Creates the folder of the logs. It is called before a log is created, so a build whose tasks
   * print nothing has no folder.
   *
   * Old log folders are found by their journals. If the journal was deleted or replaced, for
   * instance because the project was removed with its state folder, no folder is created.
   *
   * @returns true if the folder exists
   * @throws {Error} the system's error if it cannot be created
   */
  ensureLogs(): boolean {
    const { identity, path } = this.#record;
    if (identity === undefined || !isSameFile(fileIdentity(path), identity)) return false;
    ensureFolder(this.#folder, 0o700);
    return true;
  }

  /** Returns the path of a task's log. */
  logPath(task: string, index: number): string {
    const name = encodeURIComponent(task).slice(0, MAX_NAME) || "task";
    return joinPath(this.#folder, `${index}-${name}.log`);
  }

  /**
   * Writes an event to the build's journal.
   *
   * @param hasSecrets true if command lines may contain secrets, which must not be stored; all
   *   events except task output are redacted then
   */
  record(event: SimmerEvent, hasSecrets: boolean): void {
    const isPlain = !hasSecrets || event.type === "TaskOutput";
    this.#journal.addText(`${isPlain ? JSON.stringify(event) : redactedJson(event)}\n`);
  }

  /** Writes buffered events to the journal on disk. */
  flush(): void {
    this.#journal.flush();
  }

  /** Closes the journal. Safe to call twice. */
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

  /** Reports only the first error. */
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

/** Returns the ids of the builds on disk, oldest first. */
export function keptBuilds({ builds }: BuildFolders): string[] {
  return listFolder(builds)
    .filter((name) => name.endsWith(JOURNAL_SUFFIX))
    .map((name) => name.slice(0, -JOURNAL_SUFFIX.length));
}

/** Returns the journal of a build on disk, or of the newest one; `undefined` if there is none. */
export function keptJournal(
  build: string | undefined,
  folders: BuildFolders,
): { readonly build: string; readonly path: string } | undefined {
  // The list also prevents an id that is a path from leaving the folder.
  const ids = keptBuilds(folders);
  const id = build === undefined ? ids.at(-1) : ids.find((each) => each === build);
  return id === undefined ? undefined : { build: id, path: journalPath(id, folders.builds) };
}

/** Returns the size of a build's journal, in bytes. */
export function journalSize(id: string, { builds }: BuildFolders): number {
  return fileSize(journalPath(id, builds)) ?? 0;
}

/** Returns the number of a build's files and their total size. */
export function buildSize(id: string, folders: BuildFolders): FolderSize {
  const { files, bytes } = folderSize(joinPath(folders.logs, id));
  return { files: files + 1, bytes: bytes + journalSize(id, folders) };
}

/** Removes the files of a build. */
export function removeBuild(id: string, { builds, logs }: BuildFolders): void {
  // The journal must be removed last, because the folder is found by it.
  removeTree(joinPath(logs, id));
  removeTree(journalPath(id, builds));
}

function journalPath(id: string, builds: string): string {
  return joinPath(builds, `${id}${JOURNAL_SUFFIX}`);
}

/** Generates build ids, which sort by time and are unique. */
export class BuildIds {
  readonly #tag: string;
  #count = 0;

  /** @param tag distinguishes servers that start builds in the same millisecond */
  constructor(tag: string) {
    this.#tag = tag;
  }

  /**
   * Returns the next id.
   *
   * @param time milliseconds since the Unix epoch
   */
  next(time: number): string {
    const stamp = new Date(time).toISOString().replace(/[-:.]|Z$/g, "").replace("T", "-");
    this.#count++;
    return `${stamp}-${this.#tag}-${this.#count}`;
  }
}
