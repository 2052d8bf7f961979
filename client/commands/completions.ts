/**
 * `simmer completions`: prints a completion script for a shell.
 *
 * @module
 */

import type { Command } from "../command.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../errors.ts";
import { COMMON_OPTIONS, type OptionRow } from "../args/options.ts";
import { type CompletedCommand, completionScript, SHELLS } from "../args/completion_script.ts";
import { UsageError } from "../args/arguments.ts";

/** The `simmer completions` command. */
export const command = defineCommand({
  name: "completions",
  usage: "SHELL",
  summary: "Print a shell completion script",
  about: [
    `SHELL is one of ${SHELLS.join(", ")}. The script asks simmer for the task names.`,
  ],
  options: [],
  words: { min: 1, max: 1 },
  examples: [
    ['eval "$(simmer completions bash)"', "enable completion in bash; put this in ~/.bashrc"],
    [
      "simmer completions fish > ~/.config/fish/completions/simmer.fish",
      "install the script for fish",
    ],
  ],
}, async (invocation, { words: [shell = ""] }) => {
  if (!isShell(shell)) {
    throw new UsageError(`unknown shell '${shell}': expected one of ${SHELLS.join(", ")}`);
  }
  const commands: CompletedCommand[] = [];
  for (const [name, { load }] of Object.entries(invocation.commands)) {
    commands.push(completed(name, await load()));
  }
  invocation.output.write("stdout", completionScript(shell, commands));
  return EXIT.ok;
});

function isShell(text: string): text is typeof SHELLS[number] {
  return (SHELLS as readonly string[]).includes(text);
}

function completed(name: string, { command }: { readonly command: Command }): CompletedCommand {
  const rows: readonly OptionRow[] = [...command.spec.options, ...COMMON_OPTIONS];
  return {
    name,
    summary: command.spec.summary,
    options: rows.filter((row) => row.isHidden !== true)
      .map(({ name, summary }) => ({ name: `--${name}`, summary })),
    takesTasks: command.spec.usage.includes("TASK"),
  };
}
