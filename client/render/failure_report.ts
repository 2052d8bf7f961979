/**
 * Report of a failed task at the end of a build: its exit code, its log, its last lines again, and
 * the tasks that were not run because of it.
 *
 * @module
 */

import type { Failure } from "../../wire/events.ts";
import { failureLine } from "./summary.ts";
import type { Style } from "./style.ts";

/** The maximum number of names of tasks that were not run. */
const MAX_NAMED = 5;

/** Facts about a failed task. */
interface FailedTask {
  readonly failure: Failure;
  /** Its last lines, safe to print; empty if they need not be repeated. */
  readonly lastLines: readonly string[];
  /** Names of the tasks that were not run because of it, safe to print. */
  readonly skipped: readonly string[];
}

/** Presentation of a report. */
interface ReportStyle {
  readonly style: Style;
  /** True if the path of the log is a link. */
  readonly hasLinks: boolean;
}

/** Formats the report of one task, with a final newline. */
export function failureReport(
  { failure, lastLines, skipped }: FailedTask,
  { style, hasLinks }: ReportStyle,
): string {
  const lines = lastLines.map((line) => `    ${line}\n`);
  const more = skipped.length - MAX_NAMED;
  const names = skipped.slice(0, MAX_NAMED).join(", ") + (more > 0 ? ` and ${more} more` : "");
  return [
    failureLine(failure, style, hasLinks),
    ...lines,
    ...(skipped.length === 0 ? [] : [`  not run because of it: ${names}\n`]),
  ].join("");
}
