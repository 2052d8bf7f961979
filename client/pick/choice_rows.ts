/**
 * Layout of a choice: the filter, the items around the current one, and a line about the keys.
 *
 * @module
 */

import { columnsOf, fitted, type Row, type Segment } from "../render/live/columns.ts";
import type { ScreenSize } from "../render/live/painter.ts";
import { printable } from "../render/printable.ts";
import type { Style } from "../render/style.ts";
import type { Choice, Item } from "./choice.ts";

/** The maximum number of items on the screen. */
const MAX_ITEMS = 12;
/** The widest column of names. */
const MAX_NAME = 40;

/** Rows of a choice, and the column of the cursor in the first of them. */
interface ChoiceRows {
  readonly rows: readonly Row[];
  readonly cursor: number;
}

/** Returns the number of items for a screen. */
export function itemRows({ rows }: ScreenSize): number {
  return rows === 0 ? MAX_ITEMS : Math.max(1, Math.min(MAX_ITEMS, rows - 3));
}

/**
 * Returns the rows of a choice. Each is narrower than the screen.
 *
 * @param prompt text before the filter
 */
export function choiceRows(
  choice: Choice,
  { prompt, size, style }: {
    readonly prompt: string;
    readonly size: ScreenSize;
    readonly style: Style;
  },
): ChoiceRows {
  const { cyan, gray } = style;
  const columns = Math.max(1, size.columns - 1);
  const first: Segment[] = [[prompt, gray], [endOf(choice.filter, columns - prompt.length), cyan]];
  const list = windowOf(choice, itemRows(size));
  const names = choice.shown.map(({ name }) => Math.min(MAX_NAME, columnsOf(printable(name))));
  const width = names.reduce((widest, each) => Math.max(widest, each), 0);
  const items = list.map((item) => itemRow(choice, item, width, style));
  const head = fitted(first, columns);
  const rows = [first, ...items, [[hintOf(choice), gray] as const]]
    .map((row) => fitted(row, columns));
  // A screen of few lines shows the items rather than the hint.
  return {
    rows: size.rows === 0 ? rows : rows.slice(0, Math.max(1, size.rows - 1)),
    cursor: head.width,
  };
}

function itemRow(
  choice: Choice,
  item: Item,
  width: number,
  { cyan, gray, green }: Style,
): Segment[] {
  const isCurrent = choice.shown[choice.current] === item;
  const isMarked = choice.marked.includes(item.name);
  const name = printable(item.name);
  const space = " ".repeat(Math.max(0, width - columnsOf(name)));
  return [
    [`${isCurrent ? ">" : " "} ${isMarked ? "* " : "  "}`, isMarked ? green : cyan],
    [name, isCurrent ? cyan : (text) => text],
    [item.note === "" ? "" : `${space}  ${printable(item.note)}`, gray],
  ];
}

function hintOf({ shown, items, marked }: Choice): string {
  const many = marked.length > 0 ? `, ${marked.length} marked` : "";
  return `  ${shown.length} of ${items.length}${many}; Enter runs, Tab marks several, Esc cancels`;
}

/** Returns the items that fit, with the current one in the middle if possible. */
function windowOf({ shown, current }: Choice, most: number): readonly Item[] {
  const start = Math.max(0, Math.min(current - Math.floor(most / 2), shown.length - most));
  return shown.slice(start, start + most);
}

/** Returns the end of a text that is too wide, so that what is typed stays visible. */
function endOf(text: string, columns: number): string {
  const characters = [...printable(text)];
  while (characters.length > 0 && columnsOf(characters.join("")) >= Math.max(1, columns)) {
    characters.shift();
  }
  return characters.join("");
}
