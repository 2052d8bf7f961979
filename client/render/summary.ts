/**
 * Summary of a build: one line for each failure with its log, and a final line with totals.
 *
 * @module
 */

import type { BuildCompleted, Failure } from "../../wire/events.ts";
import { printable } from "./printable.ts";
import { duration } from "./renderer.ts";
import type { Style } from "./style.ts";
import { linkTo } from "./terminal_features.ts";

/**
 * Formats one line for a failure.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { failureLine } from "./summary.ts";
 * import { PLAIN } from "./style.ts";
 *
 * const failure = { task: "test", exitCode: 7, logPath: "/p/.simmer/logs/test.log" };
 * assertEquals(
 *   failureLine(failure, PLAIN),
 *   "simmer: test failed with exit code 7; log: /p/.simmer/logs/test.log\n",
 * );
 * ```
 *
 * @param hasLinks true if the path of the log is a link
 */
export function failureLine(
  { task, exitCode, reason, logPath }: Failure,
  style: Style,
  hasLinks = false,
): string {
  const why = reason === undefined ? "" : ` (${printable(reason)})`;
  const path = logPath === undefined ? "" : printable(logPath);
  const shown = hasLinks && logPath !== undefined ? linkTo(logPath, path) : path;
  const log = logPath === undefined ? "" : `; log: ${shown}`;
  return `simmer: ${
    style.red(`${task === "" ? "the command" : printable(task)} failed`)
  } with exit code ${exitCode}${why}${log}\n`;
}

/** Formats the last line: tasks run, cached, failed, cancelled, not started, and the time. */
export function summaryLine(build: BuildCompleted, style: Style): string {
  const { counts: { succeeded, failed, cached, cancelled, skipped }, durationMs } = build;
  const run = succeeded + failed;
  const parts = [
    `${run} ${run === 1 ? "task" : "tasks"} run`,
    ...counted(cached, "cached"),
    ...counted(failed, "failed").map(style.red),
    ...counted(cancelled, "cancelled").map(style.yellow),
    ...counted(skipped, "not started").map(style.yellow),
  ];
  return `simmer: ${parts.join(", ")} in ${duration(durationMs)}\n`;
}

/** Replaces the time in a text that ends with a summary. */
export function withDuration(text: string, ms: number): string {
  return text.replace(/ in [\d.]+ (ms|s|min \d+ s)(?=\n[^\n]*$)/, ` in ${duration(ms)}`);
}

function counted(count: number, word: string): string[] {
  return count === 0 ? [] : [`${count} ${word}`];
}
