/**
 * Summary of a build as Markdown, for the page of a GitHub Actions run.
 *
 * @module
 */

import { duration } from "../renderer.ts";

/** The maximum number of tasks in the table. */
const MAX_TASKS = 100;
/** The maximum number of failures with their last lines. */
const MAX_FAILURES = 20;
/** The maximum length of a name. */
const MAX_NAME = 200;

/** Outcomes in the order of the table. */
const OUTCOMES = ["failed", "cancelled", "not run", "succeeded", "cached"] as const;

/** A task of the summary. */
export interface SummaryTask {
  readonly name: string;
  readonly outcome: typeof OUTCOMES[number];
  readonly durationMs: number | undefined;
  /** Exit code of a failed task. */
  readonly exitCode?: number;
  /** The last lines of a failed task. */
  readonly lastLines?: readonly string[];
}

/** The parameters of a summary. */
interface SummaryBuild {
  /** Command line of the client. */
  readonly command: string;
  readonly durationMs: number;
  readonly tasks: readonly SummaryTask[];
}

/** Formats a summary, with an empty line at its end. */
export function jobSummary({ command, durationMs, tasks }: SummaryBuild): string {
  const rank = ({ outcome }: SummaryTask): number => OUTCOMES.indexOf(outcome);
  const sorted = [...tasks].sort((a, b) =>
    rank(a) - rank(b) || (b.durationMs ?? 0) - (a.durationMs ?? 0)
  );
  const counts = OUTCOMES.flatMap((outcome) => {
    const count = tasks.filter((task) => task.outcome === outcome).length;
    return count === 0 ? [] : [`${count} ${outcome}`];
  });
  const more = sorted.length - MAX_TASKS;
  return [
    `### ${code(command)}`,
    "",
    `${counts.join(", ")} in ${duration(durationMs)}`,
    "",
    "| outcome | task | time |",
    "| --- | --- | ---: |",
    ...sorted.slice(0, MAX_TASKS).map(rowOf),
    ...(more > 0 ? ["", `and ${more} more tasks`] : []),
    "",
    ...sorted.filter(({ outcome }) => outcome === "failed").slice(0, MAX_FAILURES).flatMap(details),
    "",
  ].join("\n");
}

function rowOf({ outcome, name, durationMs }: SummaryTask): string {
  const shown = outcome === "failed" ? "**failed**" : outcome;
  const time = durationMs === undefined ? "" : duration(durationMs);
  return `| ${shown} | ${code(name)} | ${time} |`;
}

function details({ name, exitCode, lastLines = [] }: SummaryTask): string[] {
  const title = `${code(name)} failed with exit code ${exitCode ?? "unknown"}`;
  if (lastLines.length === 0) return [title, ""];
  return [
    `<details><summary>${title}</summary>`,
    "",
    `<pre>${lastLines.map(html).join("\n")}</pre>`,
    "",
    "</details>",
    "",
  ];
}

/** Returns a text in which neither HTML nor Markdown finds anything special. */
function code(text: string): string {
  const shown = text.length <= MAX_NAME ? text : `${text.slice(0, MAX_NAME).toWellFormed()}…`;
  return `<code>${shown.replaceAll(/[^\p{L}\p{N} ./:@-]/gu, entity)}</code>`;
}

function html(text: string): string {
  return text.replaceAll(/[&<>]/g, entity);
}

function entity(character: string): string {
  return `&#${character.codePointAt(0)};`;
}
