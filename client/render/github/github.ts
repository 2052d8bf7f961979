/**
 * Renderer for GitHub Actions: the plain renderer, with a group of lines for each task, an
 * annotation for each failure, and a summary of the job.
 *
 * @module
 */

import { appendText } from "../../../system/files/files.ts";
import type { BuildCompleted, SimmerEvent } from "../../../wire/events.ts";
import { type BlockMarks, type PlainOptions, PlainRenderer } from "../plain.ts";
import { printable } from "../printable.ts";
import type { Renderer } from "../renderer.ts";
import { TaskTails } from "../tasks/task_tails.ts";
import { jobSummary, type SummaryTask } from "./job_summary.ts";
import { END_GROUP, errorLine, groupLine, StoppedCommands } from "./workflow_commands.ts";

/** The maximum number of annotations that GitHub shows for a step. */
const MAX_ANNOTATIONS = 10;

/** The parameters of a {@linkcode GithubRenderer}. */
export interface GithubOptions extends Omit<PlainOptions, "marks"> {
  /** True if the blocks of tasks are groups. */
  readonly hasGroups: boolean;
  /** File for the summary, absolute; `undefined`: none is written. */
  readonly summaryPath: string | undefined;
}

/** Shows a build in the log of a step. */
export class GithubRenderer implements Renderer {
  readonly #options: GithubOptions;
  readonly #plain: PlainRenderer;
  readonly #tails = new TaskTails();
  readonly #tasks = new Map<string, SummaryTask>();
  #command = "";

  constructor(options: GithubOptions) {
    this.#options = options;
    const stopped = new StoppedCommands();
    const marks: BlockMarks = {
      begin: (task) => groupLine(this.#nameOf(task)),
      take: (bytes) => stopped.take(bytes),
      end: () => `${stopped.end()}${END_GROUP}`,
    };
    this.#plain = new PlainRenderer(options.hasGroups ? { ...options, marks } : options);
  }

  event(event: SimmerEvent): Promise<void> | undefined {
    this.#remember(event);
    const shown = this.#plain.event(event);
    if (event.type !== "BuildCompleted") return shown;
    if (shown === undefined) return void this.#report(event);
    return shown.then(() => this.#report(event));
  }

  say(text: string): void {
    this.#plain.say(text);
  }

  warn(text: string): void {
    this.#plain.warn(text);
  }

  finish(): void {}

  #remember(event: SimmerEvent): void {
    switch (event.type) {
      case "BuildStarted":
        this.#tails.clear();
        this.#tasks.clear();
        this.#command = event.client.command;
        break;
      case "TaskQueued":
        this.#tasks.set(event.task, {
          name: printable(event.task),
          outcome: "not run",
          durationMs: undefined,
        });
        break;
      case "TaskOutput":
        this.#tails.add(event);
        break;
      case "TaskCached":
        this.#end(event.task, { outcome: "cached" });
        break;
      case "TaskSucceeded":
        this.#end(event.task, { outcome: "succeeded", durationMs: event.durationMs });
        break;
      case "TaskFailed":
        this.#end(event.task, {
          outcome: "failed",
          durationMs: event.durationMs,
          exitCode: event.exitCode,
          lastLines: this.#tails.of(event.task),
        });
        break;
      case "TaskCancelled":
        this.#end(event.task, {
          outcome: event.wasRunning ? "cancelled" : "not run",
          durationMs: event.durationMs,
        });
        break;
    }
  }

  #end(task: string, end: Omit<SummaryTask, "name" | "durationMs"> & Partial<SummaryTask>): void {
    this.#tails.remove(task);
    this.#tasks.set(task, { durationMs: undefined, ...end, name: this.#nameOf(task) });
  }

  #nameOf(task: string): string {
    return this.#tasks.get(task)?.name ?? printable(task);
  }

  #report({ failures, durationMs }: BuildCompleted): void {
    for (const { task, exitCode, reason } of failures.slice(0, MAX_ANNOTATIONS)) {
      const why = reason === undefined ? "" : ` (${reason})`;
      const { lastLines = [] } = this.#tasks.get(task) ?? {};
      const message = [`exit code ${exitCode}${why}`, ...lastLines].join("\n");
      this.#plain.tell(errorLine(`${this.#nameOf(task)} failed`, message));
    }
    this.#writeSummary(durationMs);
  }

  #writeSummary(durationMs: number): void {
    const { summaryPath } = this.#options;
    if (summaryPath === undefined) return;
    const tasks = [...this.#tasks.values()];
    try {
      appendText(summaryPath, jobSummary({ command: this.#command, durationMs, tasks }));
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.warn(`cannot write the job summary to ${summaryPath}: ${error.message}`);
    }
  }
}
