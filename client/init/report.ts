/**
 * Text of `simmer init`.
 *
 * @module
 */

import { printable } from "../render/printable.ts";
import type { Style } from "../render/style.ts";
import { type Findings, shownPath, type TaskFinding } from "./findings.ts";
import type { Proposal } from "./proposals.ts";

/** The maximum number of tasks of one kind that are shown. `--json` has all of them. */
const MOST_SHOWN = 30;

const KINDS = {
  simmer: 'the section "simmer"',
  wireit: '"wireit"',
  turbo: "Turborepo",
  nx: "Nx, which simmer does not read: see docs/migrating.md",
} as const;

/** Formats the findings. */
export function findingsText(findings: Findings, style: Style): string {
  const { root, manager, members, declarations, tasks } = findings;
  const { gray, green, yellow, cyan } = style;
  const of = (verdict: TaskFinding["verdict"]): TaskFinding[] =>
    tasks.filter((task) => task.verdict === verdict);
  const [cached, proposed, always] = [of("cached"), of("proposed"), of("always")];
  const row = (name: string, text: string): string => `${gray(name.padEnd(10))}${printable(text)}`;
  return [
    row("project", members === 0 ? root : `${root}, a workspace with ${count(members, "member")}`),
    ...(manager === undefined ? [] : [row("packages", `${manager.name}, by ${manager.by}`)]),
    ...declarations.map(({ file, kind, tasks: number }) =>
      row("caching", `${shownPath(root, file)}: ${KINDS[kind]}, ${count(number, "task")}`)
    ),
    row(
      "tasks",
      `${tasks.length}: ${cached.length} declared for caching, ${proposed.length} could be, ` +
        `${always.length} run every time`,
    ),
    ...list(cached, findings, (task) => [`  ${green(nameOf(task))}`]),
    ...list(proposed, findings, (task) => [
      `  ${cyan(nameOf(task))}  ${gray(printable(task.command ?? ""))}`,
      ...proposalLines(task.proposal),
    ], "could be cached:"),
    ...list(always, findings, (task) => [
      `  ${yellow(nameOf(task))}  ${printable(task.reason ?? "")}`,
    ], "run every time:"),
    "",
  ].join("\n");
}

function list(
  tasks: readonly TaskFinding[],
  { root }: Findings,
  lines: (task: TaskFinding) => readonly string[],
  title = "cached:",
): string[] {
  if (tasks.length === 0) return [];
  const groups = Map.groupBy(tasks.slice(0, MOST_SHOWN), ({ file }) => file);
  const shown = [...groups].flatMap(([file, group]) => [
    `${title.slice(0, -1)} (${shownPath(root, file)}):`,
    ...group.flatMap(lines),
  ]);
  const hidden = tasks.length - MOST_SHOWN;
  return ["", ...shown, ...(hidden > 0 ? [`  and ${hidden} more ('--json' lists all)`] : [])];
}

function proposalLines(proposal: Proposal | undefined): string[] {
  if (proposal === undefined) return [];
  const { files, output } = proposal;
  const text = (paths: readonly string[]): string => printable(JSON.stringify(paths));
  return [
    `      "files": ${text(files)}`,
    ...(output === undefined ? [] : [`      "output": ${text(output)}`]),
  ];
}

function nameOf({ name, package: owner }: TaskFinding): string {
  return printable(owner === undefined ? name : `${owner}#${name}`);
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
