/**
 * The list of the full view: the builds, the newest first, each with its tasks.
 *
 * @module
 */

import { printable } from "../render/printable.ts";
import { duration, wholeSeconds } from "../render/renderer.ts";
import { type Build, isRunning, type Task, type TaskState, waitsFor } from "./builds.ts";
import type { Palette } from "./palette.ts";
import { fitting, type Span, widthOf } from "./text.ts";

/** A line of the list: the head of a build, or a task. */
export interface Entry {
  readonly build: Build;
  /** Absent in the head of a build. */
  readonly task?: Task;
}

const SYMBOLS: Readonly<Record<TaskState, string>> = {
  waiting: "·",
  running: "●",
  ready: "▲",
  succeeded: "✓",
  failed: "✗",
  cached: "✓",
  cancelled: "■",
  skipped: "–",
  lost: "?",
};

/** Symbol of a task that has the keyboard. */
const KEYBOARD = "◆";

/** Columns of a line beside the name: the mark, the symbol, the time, and blanks between them. */
const AROUND = 14;

/** Returns the symbol of a task's state. */
export function symbolOf({ hasKeyboard, state }: Task): string {
  return hasKeyboard ? KEYBOARD : SYMBOLS[state];
}

/** Returns the lines of the list. One build alone has no head, and neither has one task alone. */
export function entriesOf(builds: readonly Build[]): Entry[] {
  const hasHeads = builds.length > 1;
  return builds.toReversed().flatMap((build) => {
    const tasks = [...build.tasks.values()].map((task) => ({ build, task }));
    const hasHead = tasks.length === 0 || (hasHeads && tasks.length > 1);
    return hasHead ? [{ build }, ...tasks] : tasks;
  });
}

/** Returns the width that the list needs, in columns. */
export function listWidth(entries: readonly Entry[]): number {
  return entries.reduce(
    (most, { task }) => task === undefined ? most : Math.max(most, widthOf(task.title) + AROUND),
    0,
  );
}

/** Returns the index of the first visible line, so that the chosen one is visible. */
export function listOffset(chosen: number, count: number, height: number, before: number): number {
  const most = Math.max(0, count - height);
  if (chosen < 0) return Math.min(before, most);
  return Math.min(most, Math.max(Math.min(before, chosen), chosen - height + 1));
}

/** Returns the spans of a line. */
export function entrySpans(
  { build, task }: Entry,
  { width, now, palette, isChosen }: {
    readonly width: number;
    readonly now: number;
    readonly palette: Palette;
    readonly isChosen: boolean;
  },
): Span[] {
  if (task === undefined) return headSpans(build, { width, now, palette });
  const time = timeOf(task, build, now);
  const room = width - 4 - widthOf(time) - 1;
  const title = fitting(task.title, room);
  const gap = " ".repeat(Math.max(0, room - widthOf(title)) + 1);
  const symbol = symbolOf(task);
  if (isChosen) {
    return [{ text: `›${symbol} ${title} ${gap}${time}`, sgr: palette.chosen }];
  }
  const sgr = colorOf(task, palette);
  const name = task.state === "waiting" || task.state === "skipped" ? palette.faint : "";
  return [
    { text: " " },
    { text: symbol, sgr },
    { text: ` ${title} ${gap}`, sgr: name },
    { text: time, sgr: task.state === "failed" ? palette.bad : palette.faint },
  ];
}

function headSpans(
  build: Build,
  { width, now, palette }: {
    readonly width: number;
    readonly now: number;
    readonly palette: Palette;
  },
): Span[] {
  const state = build.outcome === "failed"
    ? `exit ${build.exitCode}`
    : build.outcome === undefined || build.outcome === "succeeded"
    ? timeText(build, now)
    : build.outcome;
  const name = build.requested.length > 0 ? build.requested.join(" ") : build.command || build.id;
  const room = width - widthOf(state) - 1;
  const title = fitting(printable(name), room);
  const gap = " ".repeat(Math.max(0, room - widthOf(title)) + 1);
  const sgr = build.outcome === "failed" ? palette.bad : palette.faint;
  return [{ text: `${title}${gap}`, sgr: palette.strong }, { text: state, sgr }];
}

/** Returns a summary of a build's tasks: `3/5 done, 1 failed`. */
export function countsText(build: Build): string {
  const tasks = [...build.tasks.values()];
  const count = (...states: TaskState[]): number =>
    tasks.filter(({ state }) => states.includes(state)).length;
  const open = count("waiting", "running", "ready");
  const failed = count("failed");
  const cached = count("cached");
  return [
    `${tasks.length - open}/${tasks.length} done`,
    ...(cached > 0 ? [`${cached} cached`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
  ].join(", ");
}

/** Returns a task's state as words, for the title of its output. */
export function stateText(task: Task, build: Build, now: number): string {
  switch (task.state) {
    case "failed": {
      const how = task.signal === undefined ? `exit code ${task.exitCode}` : task.signal;
      const why = task.reason === undefined ? "" : ` (${printable(task.reason)})`;
      return `failed: ${how}${why}`;
    }
    case "waiting":
      return "waiting";
    case "ready":
      return `ready, ${timeOf(task, build, now)}`;
    case "running":
      return `running, ${timeOf(task, build, now)}`;
    case "succeeded":
      return `done, ${timeOf(task, build, now)}`;
    case "skipped":
      return "not run";
    case "lost":
      return "unknown: its server has ended";
    default:
      return task.state;
  }
}

function timeOf(task: Task, build: Build, now: number): string {
  switch (task.state) {
    case "waiting":
      return build.outcome === undefined ? "" : "not run";
    case "failed":
      return task.signal ?? `exit ${task.exitCode}`;
    case "cached":
    case "cancelled":
      return task.state;
    case "skipped":
      return "not run";
    case "lost":
      return "lost";
    default:
      return timeText(task, now);
  }
}

function timeText(
  { durationMs, startedAt }: { readonly durationMs?: number; readonly startedAt?: number },
  now: number,
): string {
  if (durationMs !== undefined) return duration(durationMs);
  return startedAt === undefined ? "" : wholeSeconds(Math.max(0, now - startedAt));
}

function colorOf(task: Task, palette: Palette): string {
  if (isRunning(task)) return task.state === "ready" ? palette.good : palette.busy;
  switch (task.state) {
    case "succeeded":
      return palette.good;
    case "failed":
      return palette.bad;
    case "cancelled":
    case "lost":
      return palette.warning;
    default:
      return palette.faint;
  }
}

/** Returns the text in place of the output of a task that has none. */
export function placeholderOf(build: Build, task: Task): string {
  switch (task.state) {
    case "waiting": {
      const names = waitsFor(build, task).map((id) => build.tasks.get(id)?.title ?? id);
      if (build.outcome !== undefined) return "It did not run.";
      return names.length === 0 ? "It waits for a free job." : `It waits for ${names.join(", ")}.`;
    }
    case "cached":
      return "Cached: it did not run.";
    case "skipped":
      return "It did not run.";
    case "running":
    case "ready":
      return "No output yet.";
    default:
      return "No output.";
  }
}
