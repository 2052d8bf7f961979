/**
 * Reads a build's journal: the events of its tasks, and the last output of one task. Output is by
 * far the most of a journal, so lines of other output are skipped without being parsed.
 *
 * @module
 */

import { concat } from "@std/bytes/concat";
import { RangeFile } from "../../system/files/range_file.ts";
import { ioTurn } from "../../system/macrotask.ts";
import type { SimmerEvent } from "../../wire/events.ts";
import { decodeOutput } from "../../wire/output.ts";

/** Bytes that are read at once. Keys are handled in between. */
const BLOCK_BYTES = 1024 * 1024;
const NEWLINE = 10;

const decoder = new TextDecoder();
const OUTPUT_PREFIX = new TextEncoder().encode('{"type":"TaskOutput",');

/** Events of a journal, and the place behind the last one. */
interface JournalEvents {
  /** All events except output. */
  readonly events: readonly SimmerEvent[];
  /** Offset of the first byte that was not read. */
  readonly end: number;
  /** Number of the last event, also of output; 0 if there is none. */
  readonly lastSeq: number;
}

/** Output of one task. */
interface TaskOutputs {
  /** The output in order. */
  readonly pieces: readonly Uint8Array[];
  /** Number of the last event of the journal. */
  readonly lastSeq: number;
  /** True if there is earlier output. */
  readonly isCut: boolean;
}

/**
 * Reads the events of a journal except output.
 *
 * @param from `end` of the last call, or 0
 * @throws {Error} the system's error if the journal cannot be read
 */
export async function journalEvents(path: string, from: number): Promise<JournalEvents> {
  using file = RangeFile.open(path);
  const events: SimmerEvent[] = [];
  let last: Uint8Array | undefined;
  const size = file?.size ?? 0;
  let rest: Uint8Array = new Uint8Array(0);
  for (let at = from; file !== undefined && at < size; at += BLOCK_BYTES) {
    if (at > from) await ioTurn();
    const block = concat([rest, file.read(at, Math.min(BLOCK_BYTES, size - at))]);
    const lines = linesOf(block);
    for (const line of lines.complete) {
      last = line;
      if (!startsWith(line, OUTPUT_PREFIX)) events.push(...parsed(line));
    }
    rest = lines.rest;
  }
  return { events, end: size - rest.length, lastSeq: seqOf(last) };
}

/** Selects output of a journal. */
interface OutputChoice {
  readonly build: string;
  readonly task: string;
  /** Number of the event after which output counts; 0: all. */
  readonly after: number;
  /** Bytes of output from which on no earlier output is read. */
  readonly most: number;
}

/**
 * Reads the last output of a task, from the end of the journal.
 *
 * @throws {Error} the system's error if the journal cannot be read
 */
export async function taskOutputs(
  path: string,
  { build, task, after, most }: OutputChoice,
): Promise<TaskOutputs> {
  using file = RangeFile.open(path);
  const head = JSON.stringify({ type: "TaskOutput", build, task });
  const prefix = new TextEncoder().encode(`${head.slice(0, -1)},`);
  const pieces: Uint8Array[] = [];
  let [found, lastSeq] = [0, 0];
  let rest: Uint8Array = new Uint8Array(0);
  let begin = file?.size ?? 0;
  let isComplete = false;
  for (let isLast = true; file !== undefined && begin > 0 && found < most && !isComplete;) {
    const from = Math.max(0, begin - BLOCK_BYTES);
    const block = concat([file.read(from, begin - from), rest]);
    // The first line of a block may begin in the block before.
    const first = from === 0 ? 0 : block.indexOf(NEWLINE) + 1;
    begin = from;
    if (from > 0 && first === 0) {
      rest = block;
      continue;
    }
    const lines = linesOf(block.subarray(first)).complete;
    if (isLast && lines.length > 0) {
      lastSeq = seqOf(lines.at(-1));
      isLast = false;
    }
    for (const line of lines.reverse()) {
      if (!startsWith(line, prefix) || found >= most) continue;
      for (const event of parsed(line)) {
        if (event.type !== "TaskOutput") continue;
        isComplete ||= event.seq <= after;
        if (isComplete) continue;
        const bytes = decodeOutput(event);
        pieces.push(bytes);
        found += bytes.length;
      }
    }
    rest = block.subarray(0, first);
    await ioTurn();
  }
  return { pieces: pieces.reverse(), lastSeq, isCut: found >= most };
}

/** Splits bytes into complete lines, without their ends, and the rest. */
function linesOf(
  bytes: Uint8Array,
): { readonly complete: Uint8Array[]; readonly rest: Uint8Array } {
  const complete: Uint8Array[] = [];
  let start = 0;
  for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
    complete.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return { complete, rest: bytes.subarray(start) };
}

function startsWith(line: Uint8Array, prefix: Uint8Array): boolean {
  return line.length >= prefix.length && prefix.every((byte, at) => line[at] === byte);
}

/** Parses a line. A line that was damaged, for instance by a full disk, has no event. */
function parsed(line: Uint8Array): SimmerEvent[] {
  try {
    return [JSON.parse(decoder.decode(line)) as SimmerEvent];
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return [];
  }
}

/** Returns the number of the event in a line. The number and the time are its last members. */
function seqOf(line: Uint8Array | undefined): number {
  if (line === undefined) return 0;
  const end = decoder.decode(line.subarray(-80));
  return Number(/"seq":(\d+),"time":\d+\}$/.exec(end)?.[1] ?? 0);
}
