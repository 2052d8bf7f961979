/**
 * `simmer tasks`: lists the tasks of a project.
 *
 * @module
 */

import type { TaskDescription } from "../../wire/commands.ts";
import { queryCooker } from "../connect/query_cooker.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../errors.ts";
import { type Invocation, workFolder } from "../invocation.ts";
import { serverPlace } from "../connect/find_server.ts";
import { WORKSPACE_OPTIONS, workspaceInput } from "../args/run_input.ts";
import type { ValuesFor } from "../args/arguments.ts";
import { printable } from "../render/printable.ts";
import { type Style, styleFor } from "../render/style.ts";

/** The `simmer tasks` command. */
export const command = defineCommand({
  name: "tasks",
  usage: "",
  summary: "List the tasks with their descriptions and dependencies",
  about: [],
  options: WORKSPACE_OPTIONS,
  words: { min: 0, max: 0 },
}, (invocation, { values }) => listTasks(invocation, values, "full"));

/**
 * Names of the tasks in a list: those by which other packages can call them (`package#task`), or
 * those of their config, as in the list of `deno task`.
 */
type ListedNames = "full" | "own";

/** Lists the tasks. */
export async function listTasks(
  invocation: Invocation,
  values: ValuesFor<typeof WORKSPACE_OPTIONS>,
  names: ListedNames,
): Promise<number> {
  return showTasks(invocation, await askTasks(invocation, values), { values, names });
}

/** Returns the tasks. Asks the server if one runs, but starts none. */
export async function askTasks(
  invocation: Invocation,
  values: ValuesFor<typeof WORKSPACE_OPTIONS>,
): Promise<readonly TaskDescription[]> {
  const place = serverPlace(invocation, values);
  const params = {
    cwd: workFolder(invocation, values),
    ...await workspaceInput(invocation, values, () => {}),
  };
  const reply = await queryCooker(
    invocation,
    place,
    (session) => session.call("listTasks", params),
    values,
  );
  return reply as TaskDescription[];
}

/** Prints a list of tasks. Returns the exit code. */
export function showTasks(
  { env, terminal, output }: Invocation,
  tasks: readonly TaskDescription[],
  { values, names }: {
    readonly values: ValuesFor<typeof WORKSPACE_OPTIONS>;
    readonly names: ListedNames;
  },
): number {
  if (tasks.length === 0 && values.filter.length > 0 && !values.json) {
    const filters = values.filter.map((each) => `'${each}'`).join(" ");
    output.write("stderr", `simmer: No package name matches the filter ${filters}\n`);
    return EXIT.ok;
  }
  const style = styleFor({ color: values.color, env, isTerminal: terminal.stdout });
  output.write(
    "stdout",
    values.json ? `${JSON.stringify(tasks)}\n` : tasksText(tasks, names, style),
  );
  return EXIT.ok;
}

/** Formats the list as `deno task` does: one list for each package if there are several. */
export function tasksText(
  tasks: readonly TaskDescription[],
  names: ListedNames,
  style: Style,
): string {
  const { green, cyan, red } = style;
  if (tasks.length === 0) {
    return `${green("Available tasks:")}\n  ${red("No tasks found in configuration file")}\n`;
  }
  const groups = Map.groupBy(tasks, (task) => task.package);
  return [...groups].map(([name, group]) => {
    const heading = name === undefined
      ? "Available tasks:"
      : `Available tasks (${cyan(printable(name))}):`;
    return [green(heading), ...group.flatMap((task) => taskLines(task, names, style)), ""].join(
      "\n",
    );
  }).join("");
}

function taskLines(
  task: TaskDescription,
  names: ListedNames,
  { cyan, gray }: Style,
): string[] {
  const { description, command, dependencies } = task;
  const name = names === "full" ? task.task : task.name;
  return [
    `- ${cyan(printable(name))}${placeOf(task, gray)}`,
    ...(description === undefined || description === ""
      ? []
      : description.replace(/\r?\n$/, "").split(/\r?\n/).map((line) =>
        `    ${gray("//")} ${gray(printable(line))}`
      )),
    ...(command === undefined ? [] : [`    ${printable(command)}`]),
    ...(dependencies.length === 0
      ? []
      : [`    ${gray("depends on:")} ${cyan(dependencies.map(printable).join(", "))}`]),
  ];
}

/**
 * Returns a note on where a task is written and declared. It is empty for a task of the folder's
 * own `deno.json`.
 */
function placeOf({ source, inherited, declaredIn }: TaskDescription, gray: Style["gray"]): string {
  const where = `${declaredIn.file.slice(declaredIn.file.lastIndexOf("/") + 1)}:${declaredIn.line}`;
  const isElsewhere = declaredIn.source !== source;
  const section = declaredIn.source === "turbo.json" ? "" : `${declaredIn.source} in `;
  const words = [
    [
      ...(inherited ? ["workspace"] : []),
      ...(source === "package.json" ? ["package.json"] : []),
    ].join(" "),
    ...(isElsewhere ? [`declared by ${section}${printable(where)}`] : []),
  ].filter((word) => word !== "");
  return words.length === 0 ? "" : ` ${gray(`(${words.join(", ")})`)}`;
}
