/**
 * Labels before the output lines of tasks that run in parallel: `  [one] `, right-aligned and
 * coloured as in `deno task`.
 *
 * @module
 */

import type { TaskQueued } from "../../../wire/events.ts";
import { printable } from "../printable.ts";
import type { Style } from "../style.ts";

interface Labelled {
  readonly name: string;
  readonly package: string | undefined;
  /** The label that the server assigns. */
  readonly label: string | undefined;
  /** Number of the task among the prefixed ones, which selects its colour. */
  readonly index: number;
}

/** The labels of one build. */
export class Labels {
  readonly #tasks = new Map<string, Labelled>();
  readonly #packages = new Set<string | undefined>();
  #width: number | undefined;

  /** Adds a task of the build. All tasks must be added before the first label is requested. */
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
   * Returns a task's label, followed by a space.
   *
   * @param id the task's id in the build
   * @returns an empty text if the task's lines are not prefixed
   */
  of(id: string, style: Style): string {
    const task = this.#tasks.get(id);
    if (task === undefined) return "";
    // Not `Math.max(...)`: tens of thousands of arguments would overflow the stack.
    this.#width ??= this.#tasks.values()
      .reduce((most, each) => Math.max(most, this.#text(each).length), 0);
    return `${style.label(task.index)(this.#text(task).padStart(this.#width))} `;
  }

  /** Adds the package's name only if the tasks belong to several packages. */
  #text({ name, package: owner, label }: Labelled): string {
    const isAlone = owner === undefined || this.#packages.size < 2;
    const whole = label ?? (isAlone ? name : `${owner}#${name}`);
    return printable(`[${whole}]`);
  }
}
