/**
 * Layout of the live view: the running tasks, the tasks that wait for them, and a line of counts.
 *
 * @module
 */

import { wholeSeconds } from "../renderer.ts";
import type { Style } from "../style.ts";
import type { BuildState } from "./build_state.ts";
import { columnsOf, fitted, type Row, type Segment } from "./columns.ts";
import type { ScreenSize } from "./painter.ts";

/** The maximum number of rows of tasks. */
const MAX_TASKS = 8;
/** The maximum number of rows of waiting tasks. */
const MAX_WAITING = 4;
/** The maximum number of tasks that a waiting task's row names. */
const MAX_NAMED = 3;
/** Rows of the screen that always show output. */
const OUTPUT_ROWS = 3;

/** The parameters of the layout. */
export interface ViewOptions {
  /** The monotonic time. */
  readonly now: number;
  readonly size: ScreenSize;
  readonly style: Style;
}

/** Returns the rows of a build in progress: at least one, each narrower than the screen. */
export function viewRows(state: BuildState, { now, size, style }: ViewOptions): Row[] {
  // In the last column, some terminals begin a new line.
  const columns = Math.max(1, size.columns - 1);
  // The number of rows is 0 if it is unknown.
  const room = size.rows === 0 ? MAX_TASKS : Math.max(0, size.rows - 1 - OUTPUT_ROWS);
  const most = Math.min(MAX_TASKS, room);
  return [...taskRows(state, { now, most, style }), countRow(state, now, style)]
    .map((row) => fitted(row, columns));
}

function taskRows(
  state: BuildState,
  { now, most, style: { gray, cyan, green } }: {
    readonly now: number;
    readonly most: number;
    readonly style: Style;
  },
): Segment[][] {
  const { running } = state;
  if (most === 0) return [];
  const isMore = running.length > most;
  const shown = isMore ? running.slice(0, most - 1) : running;
  const times = shown.map(({ since }) => wholeSeconds(now - since));
  const width = times.reduce((widest, time) => Math.max(widest, columnsOf(time)), 0);
  const rows = shown.map(({ name, note }, index): Segment[] => [
    [`  ${(times[index] ?? "").padStart(width)}  `, gray],
    [name, cyan],
    [note === "" ? "" : `  ${note}`, note === "ready" ? green : gray],
  ]);
  if (isMore) rows.push([[`  and ${running.length - shown.length} more`, gray]]);
  const waiting = state.waiting(Math.min(MAX_WAITING, most - rows.length));
  for (const { name, waitsFor } of waiting) {
    rows.push([[
      `  ${" ".repeat(width)}  ${name}  waits for ${listed(waitsFor, MAX_NAMED)}`,
      gray,
    ]]);
  }
  return rows;
}

function countRow(state: BuildState, now: number, { gray, red }: Style): Segment[] {
  const { ended, total, cached, failed, ready, since = now } = state;
  const begin = `simmer: ${ended}/${total} done${cached > 0 ? `, ${cached} cached` : ""}`;
  const end = `${ready > 0 ? `, ${ready} ready to start` : ""}, ${wholeSeconds(now - since)}`;
  return failed === 0
    ? [[`${begin}${end}`, gray]]
    : [[`${begin}, `, gray], [`${failed} failed`, red], [end, gray]];
}

/** Joins names, and counts those beyond a limit. */
export function listed(names: readonly string[], most: number): string {
  const shown = names.slice(0, most).join(", ");
  return names.length <= most ? shown : `${shown} and ${names.length - most} more`;
}
