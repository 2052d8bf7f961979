/**
 * `simmer tasks`: what can be run.
 *
 * @module
 */

import type { TaskDescription } from "../../wire/commands.ts";
import { askCooker } from "../ask.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit_code.ts";
import { type Invocation, workFolder } from "../invocation.ts";
import { serverPlace } from "../launcher.ts";
import type { CommonValues } from "../options.ts";
import { type Style, styleFor } from "../render/style.ts";

/** The command. */
export const command = defineCommand({
  name: "tasks",
  usage: "",
  summary: "List the tasks, what they say of themselves, and what they depend on",
  about: [],
  options: [],
  words: { min: 0, max: 0 },
}, (invocation, { values }) => listTasks(invocation, values));

/** Lists the tasks; a server is asked where one runs, and none is started. */
export async function listTasks(invocation: Invocation, values: CommonValues): Promise<number> {
  const { env, terminal, output } = invocation;
  const place = serverPlace(invocation, values);
  const params = { cwd: workFolder(invocation, values) };
  const reply = await askCooker(
    invocation,
    place,
    (session) => session.call("listTasks", params),
    values,
  );
  const tasks = reply as TaskDescription[];
  const style = styleFor({ color: values.color, env, isTerminal: terminal.stdout });
  output.write("stdout", values.json ? `${JSON.stringify(tasks)}\n` : tasksText(tasks, style));
  return EXIT.ok;
}

/** The list as `deno task` prints it. */
export function tasksText(tasks: readonly TaskDescription[], style: Style): string {
  const { green, cyan, red, gray } = style;
  if (tasks.length === 0) {
    return `${green("Available tasks:")}\n  ${red("No tasks found in configuration file")}\n`;
  }
  const lines = tasks.flatMap(({ name, source, description, command, dependencies }) => [
    `- ${cyan(escaped(name))}${source === "package.json" ? ` ${gray("(package.json)")}` : ""}`,
    ...(description === undefined || description === ""
      ? []
      : description.split("\n").map((line) => `    ${gray("//")} ${gray(escaped(line))}`)),
    ...(command === undefined ? [] : [`    ${escaped(command)}`]),
    ...(dependencies.length === 0
      ? []
      : [`    ${gray("depends on:")} ${cyan(dependencies.map(escaped).join(", "))}`]),
  ]);
  return [green("Available tasks:"), ...lines, ""].join("\n");
}

/** Config is not trusted with the terminal: control characters are shown, not sent. */
function escaped(text: string): string {
  const names: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };
  return text.replaceAll(
    /\p{Cc}/gu,
    (character) =>
      names[character] ?? `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
