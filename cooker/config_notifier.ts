/**
 * Watching config: an edit is announced when it happens, and seen by the next run in any case,
 * because every run reads what it needs.
 *
 * @module
 */

import { joinPath } from "../system/files/files.ts";
import type { Notifier } from "../server/cooker.ts";
import { changedPaths, type Snapshot } from "./inputs/file_set.ts";
import type { InputTracker } from "./inputs/tracker.ts";

/** Seconds between two looks while somebody is told. */
const LOOK_SECONDS = 0.25;
/** Seconds between two looks while nobody is. */
const REST_SECONDS = 1;

/** Tells of changes of config files. */
export class ConfigNotifier implements Notifier {
  readonly #tracker: InputTracker;
  readonly #root: string;
  readonly #entries: () => readonly string[];
  #known: Snapshot | undefined;
  #watched = "";
  #isStopped = false;

  /**
   * @param tracker the project's own: a second one would cost the user a second inotify queue, of
   *   which the kernel allows few
   * @param root the project's root folder, absolute
   * @param entries patterns, relative to the root, for the files that the config of the last run
   *   depends on
   */
  constructor(tracker: InputTracker, root: string, entries: () => readonly string[]) {
    this.#tracker = tracker;
    this.#root = root;
    this.#entries = entries;
  }

  /** Config was read: what it is now is what the next changes are changes of. */
  noteRead(): void {
    const entries = this.#entries();
    if (entries.length === 0 || this.#watched === entries.join("\n")) return;
    this.#known = this.#tracker.set(this.#root, entries)?.snapshot();
    this.#watched = entries.join("\n");
  }

  /**
   * Looks whether a config file has changed since the last look.
   *
   * @param isTold whether anybody is
   * @param changed told the files, absolute
   * @returns seconds until the next look
   */
  look(isTold: boolean, changed: (files: readonly string[]) => void): number {
    const pause = isTold ? LOOK_SECONDS : REST_SECONDS;
    const entries = this.#entries();
    if (entries.length === 0 || this.#isStopped) return pause;
    if (isTold) this.#tracker.sync();
    else this.#tracker.drain();
    const set = this.#tracker.set(this.#root, entries);
    const now = set?.snapshot();
    const before = this.#watched === entries.join("\n") ? this.#known : undefined;
    this.#known = now;
    this.#watched = entries.join("\n");
    if (before === undefined || now === undefined || before === now) return pause;
    const paths = changedPaths(before, now).map((path) => joinPath(this.#root, path));
    if (paths.length > 0) changed(paths);
    return pause;
  }

  /** Looks at no file any more; the tracker goes on. Safe to call twice. */
  stop(): void {
    this.#isStopped = true;
  }
}
