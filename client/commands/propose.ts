/**
 * `simmer propose`: runs tasks, and proposes declarations from the files that they have used.
 *
 * @module
 */

import type { TaskDescription } from "../../wire/commands.ts";
import type { TaskAudited } from "../../wire/events.ts";
import { SELECTION_OPTIONS } from "../args/run_input.ts";
import { defineCommand } from "../command.ts";
import { serverPlace } from "../connect/find_server.ts";
import { queryCooker } from "../connect/query_cooker.ts";
import { ClientError, EXIT } from "../errors.ts";
import { addProposals } from "../init/add_proposals.ts";
import { type Invocation, workFolder } from "../invocation.ts";
import { about } from "../render/audit_text.ts";
import { printable } from "../render/printable.ts";
import { runAudited } from "./run.ts";

/** The `simmer propose` command. */
export const command = defineCommand({
  name: "propose",
  usage: "TASK… [-- ARG…]",
  summary: "Propose inputs and outputs of tasks from the files that they use",
  about: [
    "simmer runs the tasks and their dependencies, and records with strace which files of the project\n" +
    "they read and write (Linux). It proposes 'files' and 'output' for each TASK. Files in node_modules\n" +
    "and outputs of dependencies are left out.",
    "With --write, it adds the proposals to the section 'simmer' of the files that define the tasks.\n" +
    "One run shows only what the task did this time: check the proposals.",
    "A run with strace also waits for processes that a task leaves in the background.",
  ],
  options: [
    ...SELECTION_OPTIONS,
    { name: "write", kind: "flag", summary: "add the proposals to the config files" },
  ],
  words: { min: 1, max: Infinity },
  takesRest: true,
  examples: [["simmer propose build --write && git diff", "accept a proposal, and check it"]],
}, async (invocation, parsed) => {
  const { values, words } = parsed;
  const { output } = invocation;
  const audits: TaskAudited[] = [];
  const code = await runAudited(invocation, parsed, (event) => audits.push(event));
  if (code !== EXIT.ok) return code;
  const proposed = audits.filter(({ name, task }) => words.includes(name) || words.includes(task));
  if (proposed.length === 0) {
    throw new ClientError(EXIT.refused, "nothing is proposed: no files were recorded");
  }
  if (values.json) return EXIT.ok;
  for (const each of proposed) output.write("stdout", proposalText(each));
  if (!values.write) {
    if (!values.quiet) {
      output.write("stderr", "simmer: wrote nothing; '--write' adds this to the config file\n");
    }
    return EXIT.ok;
  }
  await write(invocation, parsed, proposed);
  return EXIT.ok;
});

/** Formats a proposal as it would be written. */
function proposalText({ task, files, output, changed }: TaskAudited): string {
  const lines = [
    `${printable(task)}:`,
    `  "files": ${printable(JSON.stringify(files))}`,
    ...(output.length === 0 ? [] : [`  "output": ${printable(JSON.stringify(output))}`]),
    ...(files.length === 0 ? ["  It read no files of the project, so it cannot be cached."] : []),
    ...about(changed.map(printable), "  It changes files that it reads, which are no inputs"),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

async function write(
  invocation: Invocation,
  { values }: Parameters<typeof runAudited>[1],
  proposed: readonly TaskAudited[],
): Promise<void> {
  const { output } = invocation;
  const place = serverPlace(invocation, values);
  // All packages, because a task of another one may have been named.
  const params = { cwd: workFolder(invocation, values), recursive: true };
  const list = async (): Promise<readonly TaskDescription[]> =>
    await queryCooker(
      invocation,
      place,
      (session) => session.call("listTasks", params),
      values,
    ) as TaskDescription[];
  const tasks = await list();
  for (const { name, task: id, files, output: outputs } of proposed) {
    const task = tasks.find((each) => each.task === id && !each.inherited) ??
      tasks.find((each) => each.task === id);
    if (task === undefined || files.length === 0) continue;
    const proposal = { files, ...(outputs.length === 0 ? {} : { output: outputs }) };
    const isAdded = await addProposals(task.file, [[name, proposal]], list);
    const text = isAdded
      ? `added the settings of ${printable(name)} to ${task.file}`
      : `${task.file} has settings for ${printable(name)} already: wrote nothing`;
    output.write("stderr", `simmer: ${text}\n`);
  }
}
