/**
 * Watching config: an edit is announced when it happens, and seen by the next run in any case,
 * because every run reads what it needs.
 *
 * @module
 */

import type { Notifier } from "./cooker.ts";
import { InputTracker, type TrackerOptions } from "./inputs/tracker.ts";

/** Seconds between two looks. */
const LOOK_SECONDS = 0.25;

/** Tells of changes of config files. */
export class ConfigNotifier implements Notifier {
  readonly #tracker: InputTracker;
  readonly #root: string;
  readonly #files: () => readonly string[];
  #known: ReadonlyMap<string, string> | undefined;
  #watched = "";

  /** @param files the config files that the last run has looked for, absolute */
  constructor(options: Omit<TrackerOptions, "note">, files: () => readonly string[]) {
    this.#tracker = new InputTracker({ ...options, note: () => {} });
    this.#root = options.root;
    this.#files = files;
  }

  /**
   * Looks whether a config file has changed since the last look.
   *
   * @param changed told the files, absolute
   * @returns seconds until the next look
   */
  look(changed: (files: readonly string[]) => void): number {
    const files = this.#files();
    if (files.length === 0) return LOOK_SECONDS;
    this.#tracker.sync();
    const set = this.#tracker.set(this.#root, files);
    const now = set?.snapshot().files ?? new Map<string, string>();
    const before = this.#watched === files.join("\n") ? this.#known : undefined;
    this.#known = now;
    this.#watched = files.join("\n");
    if (before === undefined || before === now) return LOOK_SECONDS;
    const paths = files.filter((path) => {
      const name = relativeTo(this.#root, path);
      return before.get(name) !== now.get(name);
    });
    if (paths.length > 0) changed(paths);
    return LOOK_SECONDS;
  }

  /** Stops watching; safe to call twice. */
  stop(): void {
    this.#tracker.stop();
  }
}

function relativeTo(root: string, path: string): string {
  return path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path;
}
