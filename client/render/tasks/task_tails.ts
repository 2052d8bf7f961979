/**
 * Last lines of the output of running tasks, for the report of a failure.
 *
 * @module
 */

import { concat } from "@std/bytes/concat";
import type { TaskOutput } from "../../../wire/events.ts";
import { decodeOutput } from "../../../wire/output.ts";
import { EscapeFilter } from "./escape_filter.ts";
import { printable } from "../printable.ts";

/** The most bytes that are kept of a task's output, apart from the last piece. */
const MAX_BYTES = 8 * 1024;
/** The most lines of a task. */
const MAX_LINES = 10;
/** The most characters of a line. */
const MAX_LENGTH = 400;

const encoder = new TextEncoder();

interface Tail {
  readonly pieces: Uint8Array[];
  bytes: number;
}

/** Keeps the end of the output of each running task. */
export class TaskTails {
  readonly #tails = new Map<string, Tail>();

  /** Adds a piece of output. */
  add(event: TaskOutput): void {
    const tail = this.#tails.get(event.task) ?? { pieces: [], bytes: 0 };
    this.#tails.set(event.task, tail);
    const piece = endOf(event);
    tail.pieces.push(piece);
    tail.bytes += piece.length;
    while (tail.bytes - (tail.pieces[0]?.length ?? 0) >= MAX_BYTES) {
      tail.bytes -= tail.pieces.shift()?.length ?? 0;
    }
  }

  /** Forgets a task. */
  remove(task: string): void {
    this.#tails.delete(task);
  }

  /** Forgets all tasks. */
  clear(): void {
    this.#tails.clear();
  }

  /** Returns the last lines of a task, safe to print, without empty lines at the end. */
  of(task: string): string[] {
    const { pieces = [] } = this.#tails.get(task) ?? {};
    const bytes = concat(pieces);
    const text = new TextDecoder().decode(new EscapeFilter().filter(bytes)).trimEnd();
    const lines = text === "" ? [] : text.split("\n");
    return lines.slice(-MAX_LINES).map(shown);
  }
}

/** Returns the end of a piece, copied: it must not keep a large one in memory. */
function endOf(event: TaskOutput): Uint8Array {
  if (event.text !== undefined) return encoder.encode(event.text.slice(-MAX_BYTES));
  const bytes = decodeOutput(event);
  return bytes.length > MAX_BYTES ? bytes.slice(-MAX_BYTES) : bytes;
}

/** Returns the visible part of a line: what a carriage return has not overwritten. */
function shown(line: string): string {
  const visible = line.trimEnd().split("\r").at(-1) ?? "";
  const text = printable(visible.replaceAll("\t", "    "));
  return text.length <= MAX_LENGTH ? text : `${text.slice(0, MAX_LENGTH).toWellFormed()}…`;
}
