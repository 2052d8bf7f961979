/**
 * The names before the lines of tasks that run side by side: `  [one] `, right-aligned and coloured
 * as `deno task` does it.
 *
 * @module
 */

import type { TaskQueued } from "../../wire/events.ts";
import { printable } from "./printable.ts";
import type { Style } from "./style.ts";

interface Labelled {
  readonly name: string;
  readonly package: string | undefined;
  /** What the server says that it is labelled with. */
  readonly label: string | undefined;
  /** Counts the prefixed tasks: it decides about the colour. */
  readonly index: number;
}

/** The labels of one build. */
export class Labels {
  readonly #tasks = new Map<string, Labelled>();
  readonly #packages = new Set<string | undefined>();
  #width: number | undefined;

  /** Takes a task of the build; all of them come before the first label is asked for. */
  add(task: TaskQueued): void {
    if (!task.prefixed) return;
    this.#tasks.set(task.task, {
      name: task.name,
      package: task.package,
      label: task.label,
      index: this.#tasks.size,
    });
    this.#packages.add(task.package);
    this.#width = undefined;
  }

  /**
   * A task's label with the space behind it.
   *
   * @param id the task's id in the build
   * @returns an empty text for a task whose lines are not prefixed
   */
  of(id: string, style: Style): string {
    const task = this.#tasks.get(id);
    if (task === undefined) return "";
    // As arguments of one call, tens of thousands of lengths would not fit on the stack.
    this.#width ??= this.#tasks.values()
      .reduce((most, each) => Math.max(most, this.#text(each).length), 0);
    return `${style.label(task.index)(this.#text(task).padStart(this.#width))} `;
  }

  /** Package names only if the tasks are of several. */
  #text({ name, package: owner, label }: Labelled): string {
    const isAlone = owner === undefined || this.#packages.size < 2;
    const whole = label ?? (isAlone ? name : `${owner}#${name}`);
    return printable(`[${whole}]`);
  }
}
