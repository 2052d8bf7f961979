/**
 * Watching config: an edit is announced when it happens, and seen by the next run in any case,
 * because every run reads what it needs.
 *
 * @module
 */

import type { Notifier } from "./cooker.ts";
import type { Snapshot } from "./inputs/file_set.ts";
import type { InputTracker } from "./inputs/tracker.ts";

/** Seconds between two looks while somebody is told. */
const LOOK_SECONDS = 0.25;
/** Seconds between two looks while nobody is. */
const REST_SECONDS = 1;

/** Tells of changes of config files. */
export class ConfigNotifier implements Notifier {
  readonly #tracker: InputTracker;
  readonly #root: string;
  readonly #files: () => readonly string[];
  #known: Snapshot | undefined;
  #watched = "";
  #isStopped = false;

  /**
   * @param tracker the project's own: a second one would cost the user a second inotify queue, of
   *   which the kernel allows few
   * @param root the project's root folder, absolute
   * @param files the config files that the last run has looked for, absolute
   */
  constructor(tracker: InputTracker, root: string, files: () => readonly string[]) {
    this.#tracker = tracker;
    this.#root = root;
    this.#files = files;
  }

  /** Config was read: what it is now is what the next changes are changes of. */
  noteRead(): void {
    const files = this.#files();
    if (files.length === 0 || this.#watched === files.join("\n")) return;
    this.#known = this.#tracker.set(this.#root, files)?.snapshot();
    this.#watched = files.join("\n");
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
    const files = this.#files();
    if (files.length === 0 || this.#isStopped) return pause;
    if (isTold) this.#tracker.sync();
    else this.#tracker.drain();
    const set = this.#tracker.set(this.#root, files);
    const now = set?.snapshot();
    const before = this.#watched === files.join("\n") ? this.#known : undefined;
    this.#known = now;
    this.#watched = files.join("\n");
    if (before === undefined || now === undefined || before === now) return pause;
    const [contents, earlier] = [now.files, before.files];
    const paths = files.filter((path) => {
      const name = relativeTo(this.#root, path);
      return earlier.get(name) !== contents.get(name);
    });
    if (paths.length > 0) changed(paths);
    return pause;
  }

  /** Looks at no file any more; the tracker goes on. Safe to call twice. */
  stop(): void {
    this.#isStopped = true;
  }
}

function relativeTo(root: string, path: string): string {
  return path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path;
}
