/**
 * `simmer init`: looks at a project, and reports what simmer would do with it.
 *
 * @module
 */

import type { PlanTasksResult, TaskDescription } from "../../wire/commands.ts";
import { defineCommand } from "../command.ts";
import { serverPlace } from "../connect/find_server.ts";
import { queryCooker } from "../connect/query_cooker.ts";
import { EXIT } from "../errors.ts";
import { addProposals, type TaskProposal } from "../init/add_proposals.ts";
import { type Findings, findingsOf, shownPath } from "../init/findings.ts";
import { findingsText } from "../init/report.ts";
import { SELECTION_OPTIONS } from "../args/run_input.ts";
import { styleFor } from "../render/style.ts";

/** The `simmer init` command. */
export const command = defineCommand({
  name: "init",
  usage: "",
  summary: "Show what simmer would do with this project",
  about: [
    "simmer shows the package manager, the workspace, where caching is declared, which tasks are\n" +
    "cached, which ones could be, and why the others run every time. It proposes inputs and outputs\n" +
    "for tasks whose tools it knows. It runs no task and writes nothing.",
    "With --write, it adds the proposals to the section 'simmer' of the files that define the tasks.\n" +
    "Check them: every file that a task reads has to be among its inputs.",
  ],
  options: [
    ...SELECTION_OPTIONS.filter(({ name }) => name === "scripts"),
    { name: "write", kind: "flag", summary: "add the proposals to the config files" },
  ],
  words: { min: 0, max: 0 },
  examples: [["simmer init --write && git diff", "accept the proposals, and check them"]],
}, async (invocation, { values }) => {
  const { env, terminal, output } = invocation;
  const place = serverPlace(invocation, values);
  const { root } = place.project;
  const everything = { cwd: root, recursive: true };
  const ask = async (name: string, params: object): Promise<unknown> =>
    await queryCooker(invocation, place, (session) => session.call(name, params), values);
  const tasks = await ask("listTasks", everything) as TaskDescription[];
  const plan = async (selection: object): Promise<PlanTasksResult["tasks"]> => {
    const { tasks: planned } = await ask("planTasks", {
      ...selection,
      cwd: root,
      tasks: ["*"],
      ifPresent: true,
      env,
      client: { pid: invocation.pid, command: invocation.commandLine },
      ...(values.scripts === undefined ? {} : { scripts: values.scripts }),
    }) as PlanTasksResult;
    return planned;
  };
  // A run of all packages leaves out the root's scripts if members have scripts of that name.
  const planned = [...await plan({ recursive: true }), ...await plan({})];
  const findings = findingsOf(root, tasks, planned);
  if (values.json) output.write("stdout", `${JSON.stringify(findings)}\n`);
  else {
    const style = styleFor({ color: values.color, env, isTerminal: terminal.stdout });
    output.write("stdout", findingsText(findings, style));
  }
  const proposals = proposalsByFile(findings);
  if (values.quiet) return EXIT.ok;
  if (!values.write) {
    const advice = proposals.size === 0
      ? "simmer: wrote nothing; 'simmer run TASK' runs a task\n"
      : "simmer: wrote nothing; 'simmer init --write' adds the proposals to the config files\n";
    output.write("stderr", advice);
    return EXIT.ok;
  }
  for (const [file, added] of proposals) {
    const isAdded = await addProposals(file, added, () => ask("listTasks", everything));
    if (!isAdded) continue;
    const count = `${added.length} task${added.length === 1 ? "" : "s"}`;
    output.write("stderr", `simmer: added the settings of ${count} to ${shownPath(root, file)}\n`);
  }
  if (proposals.size === 0) {
    output.write("stderr", "simmer: wrote nothing: there are no proposals\n");
  }
  return EXIT.ok;
});

function proposalsByFile({ tasks }: Findings): Map<string, TaskProposal[]> {
  const found = new Map<string, TaskProposal[]>();
  for (const { file, name, proposal } of tasks) {
    if (proposal === undefined) continue;
    found.set(file, [...found.get(file) ?? [], [name, proposal]]);
  }
  return found;
}
