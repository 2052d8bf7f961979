/**
 * Lets a `deno.json` declare the inputs and outputs of a script of the `package.json` beside it.
 *
 * @module
 */

import { twiceDeclared } from "./declaration.ts";
import type { TaskDefinition, TaskFile } from "./tasks.ts";

/**
 * Returns the files with each task that only declares inputs or outputs joined with the script of
 * its name. Deno would run nothing for such a task. Notes name the tasks that another tool's config
 * declares, too, and comes before.
 */
export function withScripts(deno: TaskFile, scripts: TaskFile): readonly TaskFile[] {
  const joined = [...deno.tasks.values()].filter((task) =>
    task.command === undefined && scripts.tasks.has(task.name) &&
    task.files.length + task.output.length > 0
  );
  const notes = [...deno.tasks.values()].flatMap((task) => {
    const script = scripts.tasks.get(task.name);
    const isOverridden = script?.declaration !== undefined && task.declaredIn.source !== "simmer";
    return isOverridden ? [twiceDeclared(task.name, script.declaredIn, task.declaredIn)] : [];
  });
  if (joined.length + notes.length === 0) return [deno, scripts];
  const names = new Set(joined.map(({ name }) => name));
  const denoTasks = new Map<string, TaskDefinition>();
  const scriptTasks = new Map<string, TaskDefinition>();
  const ownFile: TaskFile = { ...deno, tasks: denoTasks };
  const hidden = new Map<string, TaskDefinition>();
  const scriptFile: TaskFile = {
    ...scripts,
    tasks: scriptTasks,
    hidden,
    notes: [...scripts.notes, ...notes],
  };
  for (const [name, task] of scripts.hidden) hidden.set(name, { ...task, origin: scriptFile });
  for (const [name, task] of deno.tasks) {
    if (!names.has(name)) denoTasks.set(name, { ...task, origin: ownFile });
  }
  for (const [name, task] of scripts.tasks) {
    const declared = names.has(name) ? deno.tasks.get(name) : undefined;
    scriptTasks.set(name, { ...joinedTask(task, declared), origin: scriptFile });
  }
  return [ownFile, scriptFile];
}

/** Adds a declaration, unless the script has one that comes before it. */
function joinedTask(script: TaskDefinition, declared: TaskDefinition | undefined): TaskDefinition {
  if (declared === undefined || script.declaredIn.source !== "package.json") return script;
  const { dependencies, files, output, env, description, settings, declaredIn } = declared;
  return {
    ...script,
    dependencies,
    files,
    output,
    env,
    declaredIn,
    ...(description === undefined ? {} : { description }),
    ...(settings === undefined ? {} : { settings }),
  };
}
