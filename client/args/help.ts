/**
 * Generator of the `--help` texts from the option rows. Loaded only if help is requested.
 *
 * @module
 */

import { optionLabel } from "./arguments.ts";
import { type CommandSpec, COMMON_OPTIONS, type OptionRow } from "./options.ts";

/** Generates the help of one command. */
export async function commandHelp(spec: CommandSpec): Promise<string> {
  const topics = await spec.topics?.();
  const paragraphs = [
    `${spec.summary}\n\nUsage: simmer ${`${spec.name} [OPTIONS] ${spec.usage}`.trim()}`,
    ...spec.about,
    ...(spec.options.length > 0 ? [`Options:\n${optionLines(spec.options)}`] : []),
    `Options of every command:\n${optionLines(COMMON_OPTIONS)}`,
    ...(topics === undefined ? [] : [`${topics.title}:\n${columns(topics.rows)}`]),
    ...(spec.examples === undefined ? [] : [`Examples:\n${columns(spec.examples)}`]),
  ];
  return `${paragraphs.join("\n\n")}\n`;
}

/**
 * Generates the help of simmer itself.
 *
 * @param commands names and summaries
 */
export function overviewHelp(commands: readonly (readonly [string, string])[]): string {
  return [
    "simmer runs the tasks of deno.json or package.json with a resident build server",
    "Usage: simmer COMMAND [OPTIONS] [ARG…]",
    `Commands:\n${columns(commands)}`,
    `Options of every command:\n${optionLines(COMMON_OPTIONS)}`,
    "'simmer COMMAND --help' explains a command.\n",
  ].join("\n\n");
}

function optionLines(rows: readonly OptionRow[]): string {
  return columns(
    rows.filter((row) => row.isHidden !== true).map((row) => {
      const letter = row.letter === undefined ? "    " : `-${row.letter}, `;
      return [letter + optionLabel(row), row.summary];
    }),
  );
}

/** Formats two columns. If a left cell is too long, its right cell goes on the next line. */
function columns(rows: readonly (readonly [string, string])[]): string {
  const widths = rows.map(([left]) => left.length).filter((length) => length <= 32);
  const width = Math.max(0, ...widths);
  return rows.map(([left, right]) =>
    left.length > width
      ? `  ${left}\n  ${" ".repeat(width)}  ${right}`
      : `  ${left.padEnd(width)}  ${right}`
  ).join("\n");
}
