/**
 * Reports why files have to be checked instead of being watched.
 *
 * @module
 */

const NOTES = {
  platform: "Inputs are checked on each run: this platform does not report changes in order",
  instances: "Inputs are checked on each run: a folder cannot be watched: this user's inotify " +
    "instances are used up (raise sysctl fs.inotify.max_user_instances)",
  descriptors: "Inputs are checked on each run: a folder cannot be watched: there are no file " +
    "descriptors left (raise 'ulimit -n')",
  watches: "Inputs are checked on each run: a folder cannot be watched: this user's inotify " +
    "watches are used up (raise sysctl fs.inotify.max_user_watches)",
  fileSystem: "Inputs are checked on each run: a folder cannot be watched: its file system " +
    "does not report every change",
  unreadable: "Inputs are checked on each run: a folder cannot be watched: it cannot be read",
  cookie: "Inputs were checked again: the project's folder was replaced",
  place: "Inputs are checked on each run: simmer cannot write to .simmer/cookies",
  overflow: "Inputs were checked again: more changes occurred than the kernel can queue",
} as const;

/** Reasons for which the inotify queue cannot be opened. */
const OPENING = ["instances", "descriptors"] as const;

/** The reasons that have been reported. */
export class WatchNotes {
  readonly #report: (text: string) => void;
  readonly #lines = new Set<string>();

  /** @param report called once for each reason */
  constructor(report: (text: string) => void) {
    this.#report = report;
  }

  /** One line for each reason. */
  get lines(): readonly string[] {
    return [...this.#lines];
  }

  /** Reports a reason, unless it is known. */
  add(reason: keyof typeof NOTES): void {
    if (this.#lines.has(NOTES[reason])) return;
    this.#lines.add(NOTES[reason]);
    this.#report(NOTES[reason]);
  }

  /** Removes the reasons for which no queue could be opened, because one is open. */
  opened(): void {
    for (const reason of OPENING) this.#lines.delete(NOTES[reason]);
  }
}
