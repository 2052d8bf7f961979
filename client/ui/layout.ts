/**
 * Layout of the full view: the places of the task list, the output and the lines around them.
 *
 * @module
 */

/** Size of the screen. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** A rectangle on the screen, from 0. */
interface Place {
  readonly column: number;
  readonly row: number;
  readonly width: number;
  readonly height: number;
}

/** Places of the parts of the view. */
export interface Layout extends Size {
  /** Absent if the screen is too narrow, or the output fills it. */
  readonly list?: Place;
  readonly output: Place;
  /** True if there is a line above both, with the titles. */
  readonly hasTitle: boolean;
  /** True if there is a line below both, with keys and messages. */
  readonly hasFooter: boolean;
}

/** Smallest screen that has a task list beside the output, in columns. */
const MIN_COLUMNS = 50;
/** Limits of the list's width, in columns. */
const MIN_LIST = 16;
const MAX_LIST = 44;
/** Rows from which on there is a footer, and a title. */
const FOOTER_ROWS = 2;
const TITLE_ROWS = 4;
/** Columns between list and output: the border between two blanks. */
const BORDER = 3;

/**
 * Computes the layout.
 *
 * @param size of the screen; less than one column or row counts as one
 * @param longest width of the longest line of the list, in columns
 * @param isZoomed true if the output fills the screen
 */
export function layoutOf(size: Size, longest: number, isZoomed: boolean): Layout {
  const columns = Math.max(1, size.columns);
  const rows = Math.max(1, size.rows);
  const hasFooter = rows >= FOOTER_ROWS;
  const hasTitle = rows >= TITLE_ROWS;
  const row = hasTitle ? 1 : 0;
  const height = rows - row - (hasFooter ? 1 : 0);
  const common = { columns, rows, hasTitle, hasFooter };
  if (isZoomed || columns < MIN_COLUMNS) {
    return { ...common, output: { column: 0, row, width: columns, height } };
  }
  const most = Math.min(MAX_LIST, Math.floor(columns * 0.4));
  const width = Math.max(MIN_LIST, Math.min(longest, most));
  const column = width + BORDER;
  return {
    ...common,
    list: { column: 0, row, width, height },
    output: { column, row, width: columns - column, height },
  };
}
