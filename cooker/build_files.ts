/**
 * What a build leaves on disk: its events, and each task's whole output.
 *
 * @module
 */

import { AppendFile } from "../system/append_file.ts";
import { ensureFolder, joinPath, listFolder, removeTree } from "../system/files.ts";
import type { SimmerEvent } from "../wire/events.ts";

/** Where builds are kept, both absolute. */
export interface BuildFolders {
  /** For `ID.jsonl`. */
  readonly builds: string;
  /** For `ID/TASK.log`. */
  readonly logs: string;
}

/** How many builds are kept. */
const KEPT_BUILDS = 50;
/** The longest name of a log, in characters of one byte. */
const MAX_NAME = 120;
const JOURNAL_SUFFIX = ".jsonl";

/** The files of one build. */
export class BuildFiles {
  readonly #folder: string;
  readonly #journal: AppendFile;

  private constructor(folder: string, journal: AppendFile) {
    this.#folder = folder;
    this.#journal = journal;
  }

  /**
   * Makes a build's files, and removes those of builds that are no longer kept.
   *
   * @throws {Error} what the system says where a folder can't be written
   */
  static create(id: string, { builds, logs }: BuildFolders): BuildFiles {
    const folder = joinPath(logs, id);
    ensureFolder(builds, 0o700);
    const kept = listFolder(builds).filter((name) => name.endsWith(JOURNAL_SUFFIX));
    for (const name of kept.slice(0, Math.max(0, kept.length + 1 - KEPT_BUILDS))) {
      removeTree(joinPath(logs, name.slice(0, -JOURNAL_SUFFIX.length)));
      removeTree(joinPath(builds, name));
    }
    // First the file by which the folder is found when it is no longer kept.
    const journal = AppendFile.open(joinPath(builds, `${id}${JOURNAL_SUFFIX}`));
    try {
      ensureFolder(folder, 0o700);
    } catch (error) {
      journal.close();
      throw error;
    }
    return new BuildFiles(folder, journal);
  }

  /** Where a task's output goes. */
  logPath(task: string, index: number): string {
    const name = encodeURIComponent(task).slice(0, MAX_NAME) || "task";
    return joinPath(this.#folder, `${index}-${name}.log`);
  }

  /** Writes an event into the build's journal. */
  record(event: SimmerEvent): void {
    this.#journal.addText(`${JSON.stringify(event)}\n`);
  }

  /** Has the journal on disk. */
  flush(): void {
    this.#journal.flush();
  }

  /** Closes the journal; safe to call twice. */
  close(): void {
    this.#journal.close();
  }
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
