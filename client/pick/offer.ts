/**
 * `simmer run` without names: lets a person pick in a terminal, and lists the tasks elsewhere.
 *
 * @module
 */

import { foregroundTerminal } from "../../system/process/foreign_descriptors.ts";
import type { TaskDescription } from "../../wire/commands.ts";
import { askTasks, showTasks } from "../commands/tasks.ts";
import type { ValuesFor } from "../args/arguments.ts";
import type { WORKSPACE_OPTIONS } from "../args/run_input.ts";
import type { Invocation } from "../invocation.ts";
import { isSet, styleFor } from "../render/style.ts";
import { RunLocally } from "../run_locally.ts";
import type { Item } from "./choice.ts";

type Values = ValuesFor<typeof WORKSPACE_OPTIONS>;

/** The names of the tasks to run, or the exit code if none is to be run. */
type Offered = { readonly names: readonly string[] } | { readonly exitCode: number };

/**
 * Lets a person pick tasks, or lists them.
 *
 * @throws {RunLocally} if a person is to pick, and another process has sent the command line: that
 *   process asks itself, so that nothing has to be undone if it then cannot use the server
 */
export async function offerTasks(invocation: Invocation, values: Values): Promise<Offered> {
  const { keyboard, connect, env } = invocation;
  const mayPick = keyboard !== undefined && canPick(invocation, values);
  if (mayPick && connect !== undefined) throw new RunLocally("A person picks a task");
  const tasks = await askTasks(invocation, values);
  if (!mayPick || tasks.length === 0) {
    return { exitCode: showTasks(invocation, tasks, { values, names: "own" }) };
  }
  const { pickTasks } = await import("./pick_task.ts");
  const style = styleFor({ color: values.color, env, isTerminal: true });
  return await pickTasks(invocation, { items: itemsOf(tasks), keyboard, style });
}

/** Returns true if a person sees the terminal and can type in it. */
function canPick({ terminal, env, pid }: Invocation, { json, quiet }: Values): boolean {
  const isSeen = terminal.stdin && terminal.stdout && terminal.stderr;
  if (!isSeen || json || quiet || isSet(env.CI)) return false;
  return isSet(env.TERM) && env.TERM !== "dumb" && foregroundTerminal(pid) !== undefined;
}

/** Returns each name once: a run of it runs the tasks of all selected packages. */
function itemsOf(tasks: readonly TaskDescription[]): readonly Item[] {
  const items = new Map<string, Item>();
  for (const { name, description, command } of tasks) {
    if (items.has(name)) continue;
    const [note = ""] = (description || command || "").trimStart().split("\n");
    items.set(name, { name, note });
  }
  return [...items.values()];
}
