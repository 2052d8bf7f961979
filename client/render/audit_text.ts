/**
 * Texts about the files that a task has used, and about tasks that could be cached.
 *
 * @module
 */

import { quoteIfNeeded } from "../../wire/quoting.ts";
import type { TaskAudited } from "../../wire/events.ts";

/** The maximum number of paths that are shown. */
const MOST_SHOWN = 10;

/** Returns the lines about an audited task. */
export function auditText({
  task,
  name,
  isDeclared,
  changed,
  undeclaredReads,
  undeclaredWrites,
}: TaskAudited): string {
  if (!isDeclared) {
    return `${task} declares no "files": 'simmer propose ${quoteIfNeeded(name)}' proposes them`;
  }
  const lines = [
    ...about(undeclaredReads, `${task} read files that "files" does not match`),
    ...about(undeclaredWrites, `${task} wrote files that "output" does not match`),
    ...about(changed, `${task} changed its own inputs`),
  ];
  return lines.length === 0 ? `${task} used only files that it declares` : lines.join("\n");
}

/** Returns a sentence with a list of paths, or nothing if the list is empty. */
export function about(paths: readonly string[], what: string): string[] {
  if (paths.length === 0) return [];
  const more = paths.length - MOST_SHOWN;
  const shown = paths.slice(0, MOST_SHOWN).join(", ");
  return [`${what}: ${shown}${more > 0 ? ` and ${more} more` : ""}`];
}

/** Returns the line about a task that took long and declares no inputs. */
export function uncachedText(task: string, name: string, time: string): string {
  return `${task} took ${time} and is not cached: 'simmer propose ${quoteIfNeeded(name)}' ` +
    "finds out what it reads and writes";
}
