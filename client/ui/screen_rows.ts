/**
 * Composes the picture of the full view from its state.
 *
 * @module
 */

import type { Footer } from "./footer.ts";
import { HELP, SYMBOL_HELP } from "./keymap.ts";
import type { Layout } from "./layout.ts";
import type { Frame, Position } from "./painter.ts";
import type { Palette } from "./palette.ts";
import type { Chosen } from "./task_choice.ts";
import {
  countsText,
  type Entry,
  entrySpans,
  placeholderOf,
  stateText,
  symbolOf,
} from "./task_list.ts";
import { type Part, type Row, type Span, widthOf } from "./text.ts";

/** State of the view. */
interface ScreenState {
  readonly layout: Layout;
  readonly palette: Palette;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  /** True if a server is connected. */
  readonly isConnected: boolean;
  /** Lines of the list, the first visible one, and that of the chosen task (-1: none). */
  readonly entries: readonly Entry[];
  readonly offset: number;
  readonly index: number;
  readonly chosen: Chosen | undefined;
  /** Note at the right of the output's title. */
  readonly note: string;
  /** Rows of the output; none: the task has no output. */
  readonly output: readonly (readonly Span[])[];
  /** Cursor of the task, in the output. */
  readonly cursor?: Position;
  /** First line of the help; absent: it is not shown. */
  readonly helpOffset?: number;
  /** Line at the bottom. */
  readonly footer: Footer;
}

/** Columns of the keys in the help. */
const HELP_KEYS = 16;

/** Number of lines of the help. */
export const HELP_LINES: number = HELP.length + SYMBOL_HELP.length + 1;

/** Composes the picture. */
export function frameOf(state: ScreenState): Frame {
  const { layout } = state;
  const { columns, rows: height, list, output, hasTitle, hasFooter } = layout;
  const outputRows = state.output.length > 0 ? state.output : placeholderRows(state);
  const rows: Row[] = [];
  if (hasTitle) rows.push(titleRow(state));
  const help = state.helpOffset === undefined ? undefined : helpRows(state, state.helpOffset);
  for (let at = 0; at < output.height; at++) {
    if (help !== undefined) {
      rows.push([{ column: 0, width: columns, spans: help[at] ?? [] }]);
      continue;
    }
    const parts: Part[] = [];
    if (list !== undefined) {
      parts.push({ column: list.column, width: list.width, spans: listSpans(state, at) });
      parts.push({
        column: list.width,
        width: output.column - list.width,
        spans: [{ text: " │ ", sgr: state.palette.faint }],
      });
    }
    parts.push({ column: output.column, width: output.width, spans: outputRows[at] ?? [] });
    rows.push(parts);
  }
  if (hasFooter) rows.push([{ column: 0, width: columns, spans: state.footer.spans }]);
  const cursor = cursorOf(state, height);
  return { columns, height, rows, ...(cursor === undefined ? {} : { cursor }) };
}

function titleRow(state: ScreenState): Row {
  const { layout: { list, output }, palette, note } = state;
  const room = Math.max(0, output.width - widthOf(note) - (note === "" ? 0 : 1));
  const parts: Part[] = [
    { column: output.column, width: room, spans: titleSpans(state) },
    {
      column: output.column + room,
      width: output.width - room,
      spans: note === "" ? [] : [{ text: ` ${note}`, sgr: palette.faint }],
    },
  ].filter(({ width }) => width > 0);
  if (list === undefined) return parts;
  const left = {
    column: 0,
    width: list.width,
    spans: [{ text: listTitle(state), sgr: palette.strong }],
  };
  const border = { text: " │ ", sgr: palette.faint };
  return [
    left,
    { column: list.width, width: output.column - list.width, spans: [border] },
    ...parts,
  ];
}

function titleSpans({ chosen, palette, now, layout }: ScreenState): Span[] {
  if (chosen === undefined) return [];
  const { build, task } = chosen;
  // Without a list, a long name may hide the state behind it.
  const symbol = layout.list === undefined ? `${symbolOf(task)} ` : "";
  return [
    { text: `${symbol}${task.title} `, sgr: palette.strong },
    {
      text: stateText(task, build, now),
      sgr: task.state === "failed" ? palette.bad : palette.faint,
    },
    { text: " " },
  ];
}

function listTitle({ isConnected, chosen }: ScreenState): string {
  if (!isConnected) return "no server";
  return chosen === undefined ? "no build" : countsText(chosen.build);
}

function placeholderRows({ chosen, palette }: ScreenState): Span[][] {
  const lines = chosen === undefined
    ? ["No build yet.", "A 'simmer run' in another terminal is shown here."]
    : [placeholderOf(chosen.build, chosen.task)];
  return lines.map((text) => [{ text, sgr: palette.faint }]);
}

function listSpans(
  { entries, offset, index, layout, now, palette }: ScreenState,
  at: number,
): Span[] {
  const entry = entries[offset + at];
  if (entry === undefined) return [];
  const isChosen = offset + at === index;
  return entrySpans(entry, { width: layout.list?.width ?? 0, now, palette, isChosen });
}

function helpRows({ palette }: ScreenState, offset: number): Span[][] {
  const line = ([keys, what]: readonly [string, string]): Span[] => [
    { text: ` ${keys.padEnd(HELP_KEYS - 1)}`, sgr: palette.strong },
    { text: what },
  ];
  return [...HELP.map(line), [], ...SYMBOL_HELP.map(line)].slice(offset);
}

function cursorOf(state: ScreenState, height: number): Position | undefined {
  const { footer, cursor, layout: { output, columns } } = state;
  if (footer.cursor !== undefined) {
    return { x: Math.min(footer.cursor, columns - 1), y: height - 1 };
  }
  if (cursor === undefined || state.helpOffset !== undefined) return undefined;
  return { x: output.column + cursor.x, y: output.row + cursor.y };
}
