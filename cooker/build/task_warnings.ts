/**
 * Warnings of one build's tasks. If the disk is full, the warning of one task is enough.
 *
 * @module
 */

import type { Warn } from "../cache/result_cache.ts";
import type { OutputSink } from "../execute/executor.ts";

/** Reports each kind of warning once. The kind is the part of a message before its first colon. */
export class TaskWarnings {
  readonly #reported = new Set<string>();

  /** Returns the function that reports a warning through a task's sink. */
  to(sink: OutputSink): Warn {
    return (message) => {
      const [what = ""] = message.split(":", 1);
      if (!this.#reported.has(what)) sink.warn(message);
      this.#reported.add(what);
    };
  }
}
