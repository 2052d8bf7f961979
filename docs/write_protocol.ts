/**
 * Writes the command table into `protocol.md`, between its two markers, and the JSON schema of the
 * settings: `deno task docs`.
 *
 * @module
 */

import { toJsonSchema } from "@valibot/to-json-schema";
import { configSchema } from "../cooker/config/settings.ts";
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

/** The text of `schema/simmer.schema.json`. */
export function settingsSchemaText(): string {
  return `${JSON.stringify(toJsonSchema(configSchema), null, 2)}\n`;
}

if (import.meta.main) {
  const schema = new URL("../schema/simmer.schema.json", import.meta.url);
  await Deno.writeTextFile(schema, settingsSchemaText());
  const path = new URL("./protocol.md", import.meta.url);
  await Deno.writeTextFile(path, withCommands(await Deno.readTextFile(path)));
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "-q", path.pathname, schema.pathname] })
    .output();
}
