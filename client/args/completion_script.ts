/**
 * Generator of completion scripts for bash, zsh and fish, used by `simmer completions`.
 *
 * @module
 */

/** The shells that completion scripts exist for. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** The parts of a command that completion needs. */
export interface CompletedCommand {
  readonly name: string;
  readonly summary: string;
  /** The command's options, with their dashes. */
  readonly options: readonly { readonly name: string; readonly summary: string }[];
  /** True if the command's words are task names. */
  readonly takesTasks: boolean;
}

/** Shell command that prints the task names, one a line. It is fast if a server runs. */
const TASK_NAMES = "simmer tasks --json 2>/dev/null | " +
  `sed 's/},{/}\\n{/g' | sed -n 's/.*"name":"\\([^"\\\\]*\\)".*/\\1/p'`;

/** Generates the completion script for a shell. */
export function completionScript(
  shell: typeof SHELLS[number],
  commands: readonly CompletedCommand[],
): string {
  switch (shell) {
    case "bash":
      return bash(commands);
    case "zsh":
      return `#compdef simmer\nautoload -U +X bashcompinit && bashcompinit\n${bash(commands)}`;
    case "fish":
      return fish(commands);
  }
}

function bash(commands: readonly CompletedCommand[]): string {
  const cases = commands.map(({ name, options, takesTasks }) =>
    [
      `    ${name})`,
      `      if [[ $current == -* ]]; then words="${options.map((each) => each.name).join(" ")}"`,
      `      else words="${takesTasks ? `$(${TASK_NAMES})` : ""}"; fi ;;`,
    ].join("\n")
  );
  return [
    "_simmer() {",
    "  local current=${COMP_WORDS[COMP_CWORD]} words=",
    "  if [[ $COMP_CWORD -eq 1 ]]; then",
    `    words="${commands.map((each) => each.name).join(" ")}"`,
    "  else",
    "    case ${COMP_WORDS[1]} in",
    ...cases,
    "    esac",
    "  fi",
    "  local IFS=$' \\t\\n'",
    '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
    "}",
    "complete -F _simmer simmer",
    "",
  ].join("\n");
}

function fish(commands: readonly CompletedCommand[]): string {
  const quoted = (text: string): string => `'${text.replaceAll(/['\\]/g, "\\$&")}'`;
  const lines = ["complete -c simmer -f"];
  for (const { name, summary, options, takesTasks } of commands) {
    const seen = `-n ${quoted(`__fish_seen_subcommand_from ${name}`)}`;
    lines.push(`complete -c simmer -n __fish_use_subcommand -a ${name} -d ${quoted(summary)}`);
    for (const option of options) {
      lines.push(
        `complete -c simmer ${seen} -l ${option.name.slice(2)} -d ${quoted(option.summary)}`,
      );
    }
    if (takesTasks) lines.push(`complete -c simmer ${seen} -a ${quoted(`(${TASK_NAMES})`)}`);
  }
  return `${lines.join("\n")}\n`;
}
