/**
 * Writes the command table into `protocol.md`, between its two markers: `deno task docs`.
 *
 * @module
 */

import { COMMANDS } from "../wire/commands.ts";
import { describeCommands } from "../wire/describe.ts";

const BEGIN = "<!-- commands: made by `deno task docs` from the command table -->";
const END = "<!-- end of commands -->";

/**
 * The protocol's documentation with the command table brought up to date.
 *
 * @param text the document as it is
 * @throws {Error} where a marker is missing
 */
export function withCommands(text: string): string {
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`protocol.md: the marker is missing: ${BEGIN}`);
  const rows = describeCommands(COMMANDS).map((command) =>
    [
      `### \`${command.name}\` (${command.kind}, ${command.access})`,
      `${command.summary}.`,
      `\`\`\`text\nparams: ${command.params}\nresult: ${command.result}\n\`\`\``,
    ].join("\n\n")
  );
  return `${text.slice(0, begin + BEGIN.length)}\n\n${rows.join("\n\n")}\n\n${text.slice(end)}`;
}

if (import.meta.main) {
  const path = new URL("./protocol.md", import.meta.url);
  await Deno.writeTextFile(path, withCommands(await Deno.readTextFile(path)));
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "-q", path.pathname] }).output();
}
