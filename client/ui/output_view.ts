/**
 * The visible part of a task's output: its place in the lines, follow mode, search, and selection.
 *
 * @module
 */

import type { Cell, Emulator, Line, Mark } from "./emulator.ts";
import type { Span } from "./text.ts";
import type { Position } from "./painter.ts";

/** A row of the visible part: a piece of a line that is wrapped to the width of the view. */
interface VisibleRow {
  readonly line: Line;
  /** Number of the piece in its line. */
  readonly piece: number;
  readonly cells: readonly Cell[];
}

/** Size of the visible part. */
interface ViewSize {
  readonly width: number;
  readonly height: number;
}

/** Attributes of matches, of the present match, and of selected lines. */
const MATCH_SGR = "7;33";
const PRESENT_MATCH_SGR = "7;32;1";
const SELECTED_SGR = "7";

/** Shows a part of an emulator's lines. */
export class OutputView {
  readonly #emulator: Emulator;
  #size: ViewSize = { width: 80, height: 24 };
  /** First visible line and piece; absent: the end is visible. */
  #top: { readonly mark: Mark; readonly piece: number } | undefined;
  #pattern = "";
  #match: Mark | undefined;
  #selection: { readonly from: Mark; to: Mark } | undefined;

  /** @param emulator owned by the caller */
  constructor(emulator: Emulator) {
    this.#emulator = emulator;
  }

  /** True if the view shows the end of the output, also when more comes. */
  get isFollowing(): boolean {
    return this.#top === undefined;
  }

  /** True if lines are selected. */
  get isSelecting(): boolean {
    return this.#selection !== undefined;
  }

  /** The pattern of the search; empty: none. */
  get pattern(): string {
    return this.#pattern;
  }

  /** Sets the size of the visible part. */
  resize(size: ViewSize): void {
    this.#size = { width: Math.max(1, size.width), height: Math.max(1, size.height) };
  }

  /** Shows the end of the output, or stays at the present place. */
  follow(isOn: boolean): void {
    if (!isOn && this.#top === undefined) {
      const [first] = this.#visible();
      if (first !== undefined) this.#moveTo(first.line.start, first.piece);
    } else if (isOn) this.#setTop(undefined);
  }

  /** Scrolls by rows: up if negative. Begins to follow at the end. */
  scroll(rows: number): void {
    if (this.#emulator.isAlternate) return;
    const [first] = this.#visible();
    if (first === undefined) return;
    let { line, piece } = first;
    for (let left = Math.abs(rows); left > 0; left--) {
      const isLast = piece + 1 >= this.#piecesOf(line).length;
      if (rows < 0 && piece > 0) piece--;
      else if (rows > 0 && !isLast) piece++;
      else {
        const next = rows < 0 ? line.start - 1 : line.end;
        if (next < 0 || next >= this.#end) break;
        line = this.#emulator.lineAt(next);
        piece = rows < 0 ? this.#piecesOf(line).length - 1 : 0;
      }
    }
    this.#moveTo(line.start, piece);
    if (rows > 0) this.#followAtEnd();
  }

  /** Scrolls by pages: up if negative. */
  page(pages: number): void {
    this.scroll(Math.trunc(pages * Math.max(1, this.#size.height - 1)));
  }

  /** Shows the beginning. */
  home(): void {
    if (!this.#emulator.isAlternate) this.#moveTo(0, 0);
  }

  /**
   * Searches for a text, without regard to case unless it has capitals. In follow mode the last
   * match is found first, and otherwise the first one from the visible part on.
   *
   * @returns false if there is none
   */
  search(pattern: string): boolean {
    this.#pattern = pattern;
    this.#setMatch(undefined);
    if (pattern === "") return true;
    const [first] = this.#visible();
    const from = this.isFollowing ? this.#end : (first?.line.start ?? 0) - 1;
    return this.#find(from, this.isFollowing ? -1 : 1);
  }

  /**
   * Goes to another match, and from the last one to the first.
   *
   * @param direction -1 upwards, 1 downwards
   * @returns false if there is none
   */
  searchNext(direction: -1 | 1): boolean {
    const row = this.#match?.row ?? this.#visible()[0]?.line.start ?? 0;
    return this.#pattern !== "" && this.#find(row, direction);
  }

  /** Begins to select lines, with the last visible one. */
  select(): void {
    const last = this.#visible().at(-1);
    if (last === undefined) return;
    this.follow(false);
    const mark = (): Mark => this.#emulator.mark(last.line.start);
    this.#selection = { from: mark(), to: mark() };
  }

  /** Extends the selection by lines, and scrolls it into view. */
  extend(lines: number): void {
    const selection = this.#selection;
    if (selection === undefined) return;
    let line = this.#emulator.lineAt(selection.to.row ?? 0);
    for (let left = Math.abs(lines); left > 0; left--) {
      const next = lines < 0 ? line.start - 1 : line.end;
      if (next < 0 || next >= this.#end) break;
      line = this.#emulator.lineAt(next);
    }
    selection.to.dispose();
    selection.to = this.#emulator.mark(line.start);
    this.#reveal(line, lines < 0 ? 0 : this.#size.height - 1);
  }

  /** Ends the selection. */
  deselect(): void {
    this.#selection?.from.dispose();
    this.#selection?.to.dispose();
    this.#selection = undefined;
  }

  /** Returns the text of the selected lines, or of the visible ones, one line a line. */
  copied(): string {
    const [first, last] = this.#selected() ?? this.#visibleLines();
    return this.#textBetween(first, last);
  }

  /** Returns the text of all lines. */
  all(): string {
    return this.#textBetween(0, this.#end - 1);
  }

  /** Returns the visible rows, each with its spans. */
  rows(): Span[][] {
    const selected = this.#selected();
    return this.#visible().map((row) => {
      const { start } = row.line;
      const isSelected = selected !== undefined && start >= selected[0] && start <= selected[1];
      if (isSelected) {
        return merged(row.cells.map((cell) => ({ ...cell, sgr: SELECTED_SGR })), SELECTED_SGR);
      }
      return merged(this.#highlighted(row), "");
    });
  }

  /** Returns the position of the program's cursor in the visible part, if it is there. */
  cursor(): Position | undefined {
    const { row, column } = this.#emulator.cursor;
    const { width, height } = this.#size;
    const visible = this.#visible();
    if (this.#emulator.isAlternate) {
      const y = visible.findIndex(({ line }) => line.start === row);
      const x = column - this.#firstColumn;
      return y < 0 ? undefined : { x: Math.min(x, width - 1), y };
    }
    const line = this.#emulator.lineAt(row);
    const offset = (row - line.start) * this.#emulator.columns + column;
    const piece = Math.floor(offset / width);
    const y = visible.findIndex((each) => each.line.start === line.start && each.piece === piece);
    if (y >= 0) return { x: offset % width, y };
    // The cursor is behind the last character of a line whose piece is not shown yet.
    const last = visible.findLastIndex((each) => each.line.start === line.start);
    if (last >= 0) return { x: width - 1, y: last };
    const isBelow = visible.length < height && row >= (visible.at(-1)?.line.end ?? 0);
    return isBelow ? { x: Math.min(column, width - 1), y: visible.length } : undefined;
  }

  /** Row behind the last one that has content. */
  get #end(): number {
    const { rowCount, cursor } = this.#emulator;
    let end = rowCount;
    while (end > 0 && end > cursor.row) {
      const line = this.#emulator.lineAt(end - 1);
      if (this.#emulator.cellsOf(line).length > 0) break;
      end = line.start;
    }
    return Math.max(end, cursor.column > 0 ? cursor.row + 1 : cursor.row);
  }

  /** First visible column of the alternate screen. The cursor stays visible. */
  get #firstColumn(): number {
    return Math.max(0, this.#emulator.cursor.column - this.#size.width + 1);
  }

  #visible(): VisibleRow[] {
    if (this.#emulator.isAlternate) return this.#screen();
    const end = this.#end;
    const top = this.#top;
    if (top === undefined) return this.#upFrom(end);
    const { height } = this.#size;
    const rows: VisibleRow[] = [];
    let line = this.#emulator.lineAt(top.mark.row ?? 0);
    for (let piece = top.mark.row === undefined ? 0 : top.piece; rows.length < height;) {
      const pieces = this.#piecesOf(line);
      for (; piece < pieces.length && rows.length < height; piece++) {
        rows.push({ line, piece, cells: pieces[piece] ?? [] });
      }
      if (line.end >= end) break;
      line = this.#emulator.lineAt(line.end);
      piece = 0;
    }
    return rows.length < height ? this.#upFrom(end) : rows;
  }

  /** Returns the rows above a row, as many as are visible. */
  #upFrom(end: number): VisibleRow[] {
    const { height } = this.#size;
    const rows: VisibleRow[] = [];
    for (let row = end - 1; row >= 0 && rows.length < height;) {
      const line = this.#emulator.lineAt(row);
      const pieces = this.#piecesOf(line);
      rows.unshift(...pieces.map((cells, piece) => ({ line, piece, cells })));
      row = line.start - 1;
    }
    return rows.slice(-height);
  }

  /** Returns the alternate screen, cut to the size of the view around the cursor. */
  #screen(): VisibleRow[] {
    const { rowCount, screenRow, cursor } = this.#emulator;
    const { width, height } = this.#size;
    const column = this.#firstColumn;
    const first = Math.max(screenRow, cursor.row - height + 1);
    return Array.from({ length: Math.min(height, rowCount - first) }, (_, at) => {
      const line = { start: first + at, end: first + at + 1 };
      return { line, piece: 0, cells: cut(this.#emulator.cellsOf(line), column, width) };
    });
  }

  #piecesOf(line: Line): Cell[][] {
    return wrapped(this.#emulator.cellsOf(line), this.#size.width);
  }

  #moveTo(row: number, piece: number): void {
    this.#setTop({ mark: this.#emulator.mark(row), piece });
  }

  #setTop(top: { readonly mark: Mark; readonly piece: number } | undefined): void {
    this.#top?.mark.dispose();
    this.#top = top;
  }

  #setMatch(match: Mark | undefined): void {
    this.#match?.dispose();
    this.#match = match;
  }

  #followAtEnd(): void {
    const last = this.#visible().at(-1);
    if (last === undefined) return;
    const isLast = last.line.end >= this.#end &&
      last.piece + 1 >= this.#piecesOf(last.line).length;
    if (isLast) this.#setTop(undefined);
  }

  /** Shows a line at a row of the view, unless it is visible. */
  #reveal(line: Line, at: number): void {
    if (this.#visible().some((row) => row.line.start === line.start)) return;
    this.#moveTo(line.start, 0);
    this.scroll(-at);
  }

  /** Searches from the line behind or above a row, through all lines. */
  #find(from: number, direction: -1 | 1): boolean {
    const end = this.#end;
    const test = matcher(this.#pattern);
    const count = end;
    let line = this.#emulator.lineAt(Math.max(0, Math.min(from, end - 1)));
    // A search that begins outside of the lines tests the first one that it comes to.
    let isOutside = from < 0 || from >= end;
    for (let left = count; left >= 0 && end > 0; left--) {
      if (!isOutside) {
        const next = direction < 0 ? line.start - 1 : line.end;
        line = this.#emulator.lineAt(next < 0 ? end - 1 : next >= end ? 0 : next);
      }
      isOutside = false;
      if (test(this.#emulator.textOf(line)).length === 0) continue;
      this.#setMatch(this.#emulator.mark(line.start));
      this.#reveal(line, Math.floor(this.#size.height / 3));
      return true;
    }
    return false;
  }

  #highlighted({ line, cells, piece }: VisibleRow): readonly Cell[] {
    if (this.#pattern === "" || this.#emulator.isAlternate) return cells;
    const all = this.#emulator.cellsOf(line);
    const places = matcher(this.#pattern)(all.map(({ text }) => text).join(""));
    if (places.length === 0) return cells;
    const sgr = this.#match?.row === line.start ? PRESENT_MATCH_SGR : MATCH_SGR;
    let offset = 0;
    const marked = all.map((cell) => {
      const at = offset;
      offset += cell.text.length;
      const isMatch = places.some(([from, to]) => at >= from && at < to);
      return isMatch ? { ...cell, sgr } : cell;
    });
    return wrapped(marked, this.#size.width)[piece] ?? cells;
  }

  #selected(): readonly [number, number] | undefined {
    if (this.#selection === undefined) return undefined;
    const rows = [this.#selection.from.row ?? 0, this.#selection.to.row ?? 0] as const;
    return rows[0] < rows[1] ? rows : [rows[1], rows[0]];
  }

  #visibleLines(): readonly [number, number] {
    const rows = this.#visible();
    return [rows[0]?.line.start ?? 0, rows.at(-1)?.line.start ?? -1];
  }

  #textBetween(first: number, last: number): string {
    const lines: string[] = [];
    for (let row = first; row <= last;) {
      const line = this.#emulator.lineAt(row);
      lines.push(this.#emulator.textOf(line).trimEnd());
      row = line.end;
    }
    return lines.map((line) => `${line}\n`).join("");
  }
}

/** Returns a function that finds the places of a pattern in a text, as begin and end. */
function matcher(pattern: string): (text: string) => (readonly [number, number])[] {
  const isExact = pattern.toLowerCase() !== pattern;
  return (text) => {
    const searched = isExact ? text : text.toLowerCase();
    const places: (readonly [number, number])[] = [];
    for (let at = searched.indexOf(pattern); at >= 0;) {
      places.push([at, at + pattern.length]);
      at = searched.indexOf(pattern, at + Math.max(1, pattern.length));
    }
    return places;
  };
}

/** Wraps cells to a number of columns. An empty line has one row. */
function wrapped(cells: readonly Cell[], width: number): Cell[][] {
  const rows: Cell[][] = [[]];
  let taken = 0;
  for (const cell of cells) {
    if (taken + cell.width > width && taken > 0) {
      rows.push([]);
      taken = 0;
    }
    rows.at(-1)?.push(cell);
    taken += cell.width;
  }
  return rows;
}

/** Returns the cells of some columns. */
function cut(cells: readonly Cell[], from: number, width: number): Cell[] {
  let column = 0;
  return cells.filter((cell) => {
    const at = column;
    column += cell.width;
    return at >= from && at + cell.width <= from + width;
  });
}

/** Joins neighbouring cells of the same attributes. @param fill attributes of an empty row */
function merged(cells: readonly Cell[], fill: string): Span[] {
  const spans: { text: string; sgr: string }[] = [];
  for (const { text, sgr } of cells) {
    const last = spans.at(-1);
    if (last !== undefined && last.sgr === sgr) last.text += text;
    else spans.push({ text, sgr });
  }
  // The rest of the row has no attributes of the last character, such as an underline.
  spans.push({ text: "", sgr: fill });
  return spans;
}
