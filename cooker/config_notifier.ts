/**
 * Watches the project's config files and reports edits to the UIs as they happen. These reports are
 * only a convenience: each run reads the config files that it needs, so it sees an edit in any
 * case.
 *
 * @module
 */

import { joinPath } from "../system/files/files.ts";
import type { Notifier } from "../server/cooker.ts";
import { changedPaths, type Snapshot } from "./inputs/snapshot.ts";
import type { InputTracker } from "./inputs/tracker.ts";

/** Seconds between two checks while a UI is connected. */
const LOOK_SECONDS = 0.25;
/** Seconds between two checks while no UI is connected. */
const REST_SECONDS = 1;

/** Reports changes of config files. */
export class ConfigNotifier implements Notifier {
  readonly #tracker: InputTracker;
  readonly #root: string;
  readonly #entries: () => readonly string[];
  #known: Snapshot | undefined;
  #watched = "";
  #isStopped = false;

  /**
   * @param tracker the project's own tracker: a second one would cost the user a second inotify
   *   queue, of which the kernel allows few
   * @param root the project's root folder, absolute
   * @param entries returns the patterns, relative to the root, of the files that the config of the
   *   last run depends on
   */
  constructor(tracker: InputTracker, root: string, entries: () => readonly string[]) {
    this.#tracker = tracker;
    this.#root = root;
    this.#entries = entries;
  }

  /**
   * Updates the watched files after config was read. If the files are other ones than before, their
   * current state becomes the base of the next comparison.
   */
  noteRead(): void {
    const entries = this.#entries();
    if (entries.length === 0 || this.#watched === entries.join("\n")) return;
    this.#known = this.#tracker.set(this.#root, entries)?.snapshot();
    this.#watched = entries.join("\n");
  }

  /**
   * Compares the config files with the last check and reports those that have changed.
   *
   * @param isTold true if a UI receives the reports
   * @param changed receives the changed files, absolute
   * @returns seconds until the next check
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

  /** Stops the checks. The tracker keeps running. Safe to call twice. */
  stop(): void {
    this.#isStopped = true;
  }
}
