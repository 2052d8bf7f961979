/**
 * What each task's last success was made of, and what its last run has left: what `why` compares
 * with, and what the next run removes.
 *
 * It is kept in a journal, a line for each success, each beginning, and each run without a result
 * that declares outputs: one write each. What is on disk when a process is killed is what had
 * happened by then.
 *
 * @module
 */

import { AppendFile } from "../../system/files/append_file.ts";
import { fileSize } from "../../system/files/file_size.ts";
import {
  ensureFolderBelow,
  type FileIdentity,
  fileIdentity,
  isSameFile,
  parentFolder,
  readTextIfPresent,
  removeIfPresent,
  writeAtomically,
} from "../../system/files/files.ts";
import type { OutputEntry } from "../store/result.ts";
import type { Sliced } from "../inputs/pace.ts";
import type { FingerprintParts } from "./fingerprint.ts";

/** What is kept in memory of a task's last success. */
interface LastOutcome {
  readonly fingerprint: string;
  readonly outputs: readonly OutputEntry[];
  /** Whether the task has begun again since: what it has left is not known any more. */
  readonly isPast?: boolean;
}

/** A task's last success. */
export interface LastResult extends LastOutcome {
  readonly parts: FingerprintParts;
  /** When it ended, in milliseconds since the Unix epoch. */
  readonly at: number;
  /** How long it ran, in milliseconds. */
  readonly durationMs: number;
}

/** Inputs that are written as one piece of a line. */
const FILES_PER_PIECE = 512;

const encoder = new TextEncoder();

/**
 * The contents of input files as a line has them, in pieces: of hundreds of thousands of files it
 * takes long to write them.
 */
export function* filesText(
  files: Iterable<readonly [path: string, content: string]>,
): Sliced<readonly Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  let piece = "";
  let count = 0;
  for (const [path, content] of files) {
    piece += `${count === 0 ? "" : ","}${JSON.stringify(path)}:${JSON.stringify(content)}`;
    if (++count % FILES_PER_PIECE !== 0) continue;
    pieces.push(encoder.encode(piece));
    piece = "";
    yield;
  }
  pieces.push(encoder.encode(piece));
  return pieces;
}

/** Characters of lines that are out of date, beyond as many as the others have, that may stay. */
const SPARE = 1024 * 1024;

/** What a run without a result has left. */
interface Leftovers {
  /** Signatures of files, links and folders by their paths relative to the task's folder. */
  readonly entries: Readonly<Record<string, string>>;
  /** The paths of the run's inputs, if a later run has to know whether one was deleted. */
  readonly inputs?: readonly string[];
}

/** A line: a success, what a run without a result has left, or that the task has begun again. */
interface Line<Result extends LastOutcome = LastResult> {
  readonly format: 1;
  readonly key: string;
  readonly result?: Result;
  readonly left?: Leftovers;
}

/** The end of a line behind its files: of the files, the parts, the result and the line itself. */
const FILES_END = "}}}}";

/** Where the parts of a line begin; within a text, quotes have a backslash before them. */
const PARTS_BEGIN = ',"parts":{"task":';

/** What is known of a task, and how long its lines are. */
interface Known {
  /** Absent: the task has had no success. */
  readonly outcome?: LastOutcome;
  /** Absent: the last run that ended was a success. */
  readonly left?: Leftovers;
  readonly size: number;
}

/** A task's lines with what they say. */
interface Kept<Result extends LastOutcome> {
  /** The line of its last success. */
  readonly text?: string;
  readonly result?: Result;
  readonly left?: Leftovers;
}

/** A journal at some time. */
interface JournalState {
  /** Absent: there is none. */
  file: FileIdentity | undefined;
  bytes: number;
}

function stateOf(path: string): JournalState {
  return { file: fileIdentity(path), bytes: fileSize(path) ?? 0 };
}

/** The last successes of a project's tasks, on disk. */
export class LastResults {
  readonly #path: string;
  #known: Map<string, Known> | undefined;
  #journal: AppendFile | undefined;
  /** Characters in the journal, and how many of them are not out of date. */
  #written = 0;
  #live = 0;
  #beginnings = new Map<string, number>();
  /** The journal as this process has read and written it. */
  #seen: JournalState = { file: undefined, bytes: 0 };

  /** @param path the journal, absolute; made with the first line */
  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Makes sure that what is known is what the journal says. Another process may have written to it:
   * a run without the server, or a server in another container.
   *
   * @returns whether another process has written to it
   */
  refresh(): boolean {
    if (this.#known === undefined) return false;
    const now = stateOf(this.#path);
    const isSame = now.bytes === this.#seen.bytes &&
      (now.file === undefined
        ? this.#seen.file === undefined
        : isSameFile(now.file, this.#seen.file));
    if (isSame) return false;
    this.close();
    this.#known = undefined;
    return true;
  }

  /** The last success of a task; `undefined` where there is none that can be read. */
  get(key: string): LastOutcome | undefined {
    return this.#all().get(key)?.outcome;
  }

  /**
   * What the last run of a task has left that ended without a result; `undefined` if the last one
   * was a success, whose outputs say it.
   */
  leftovers(key: string): Leftovers | undefined {
    return this.#all().get(key)?.left;
  }

  /** The paths of the inputs of a task's last run; `undefined` if they are not known. */
  inputs(key: string): readonly string[] | undefined {
    const left = this.leftovers(key);
    if (left !== undefined) return left.inputs;
    if (this.get(key) === undefined) return undefined;
    const begin = `{"format":1,"key":${JSON.stringify(key)},`;
    const own = (text: string): Line | undefined =>
      text.startsWith(begin) ? parseLine(text) : undefined;
    const files = this.#load(own).get(key)?.result?.parts.files;
    return files && Object.keys(files);
  }

  /** The last successes, by their tasks' keys, as they are on the disk. */
  readAll(): ReadonlyMap<string, LastResult> {
    const all = new Map<string, LastResult>();
    for (const [key, { result }] of this.#load(parseLine)) {
      if (result !== undefined) all.set(key, result);
    }
    return all;
  }

  /**
   * Takes note of a success.
   *
   * @param files what {@linkcode filesText} makes of the input files; absent: as `result` has them
   * @throws {Error} what the system says where it can't be written
   */
  set(key: string, result: LastResult, files?: readonly Uint8Array[]): void {
    const all = this.#all();
    const before = all.get(key)?.size ?? 0;
    const size = this.#append(lineOf(key, result), files);
    all.set(key, { outcome: outcomeOf(result), size });
    this.#live += size - before;
  }

  /**
   * Takes note of what a run without a result has left: a failed or cancelled one, or one whose
   * result is not kept.
   *
   * @throws {Error} what the system says where it can't be written
   */
  leave(key: string, left: Leftovers): void {
    const all = this.#all();
    const last = all.get(key);
    if (last === undefined && Object.keys(left.entries).length === 0) return;
    const size = this.#append({ format: 1, key, left });
    this.#live += size;
    all.set(key, { ...last, left, size: (last?.size ?? 0) + size });
  }

  /**
   * A task begins: what its last success has left may be overwritten.
   *
   * @throws {Error} what the system says where it can't be written
   */
  begin(key: string): void {
    this.#beginnings.set(key, this.beginnings(key) + 1);
    const all = this.#all();
    const last = all.get(key);
    if (last?.outcome === undefined || last.outcome.isPast === true) return;
    all.set(key, { ...last, outcome: { ...last.outcome, isPast: true } });
    this.#append({ format: 1, key });
  }

  /** How often a task has begun: what is known of it from before its last beginning is past. */
  beginnings(key: string): number {
    return this.#beginnings.get(key) ?? 0;
  }

  /** Makes the journal shorter where most of it is out of date. */
  tidy(): void {
    if (this.#written <= 2 * this.#live + SPARE) return;
    this.close();
    const kept = [...this.#load(parseHead)];
    this.#known = undefined;
    const texts = kept.flatMap(([key, { text, result, left }]) => [
      ...(text === undefined ? [] : [text]),
      ...(result?.isPast === true ? [JSON.stringify({ format: 1, key })] : []),
      ...(left === undefined ? [] : [JSON.stringify({ format: 1, key, left })]),
    ]);
    writeAtomically(this.#path, texts.map((each) => `\n${each}`).join(""));
  }

  /** Closes the journal; the next line opens it again. */
  close(): void {
    this.#journal?.close();
    this.#journal = undefined;
  }

  #all(): Map<string, Known> {
    if (this.#known !== undefined) return this.#known;
    const known = new Map<string, Known>();
    this.#live = 0;
    // Before it is read: what is added meanwhile makes another state of it.
    const seen = stateOf(this.#path);
    for (const [key, { text = "", result, left }] of this.#load(parseHead)) {
      const leftSize = left === undefined ? 0 : JSON.stringify(left).length;
      const size = text.length + 1 + leftSize;
      known.set(key, {
        ...(result === undefined ? {} : { outcome: outcomeOf(result) }),
        ...(left === undefined ? {} : { left }),
        size,
      });
      this.#live += size;
    }
    this.#known = known;
    this.#seen = seen;
    return known;
  }

  /**
   * Each line begins with its end of line: what was written in part, as the disk was full, is a
   * line of its own then.
   *
   * @returns its length
   */
  #append(line: Line, files: readonly Uint8Array[] = []): number {
    const text = `\n${JSON.stringify(line)}`;
    // The files come last, so that a line's head can be read without them.
    const end = line.result === undefined ? "" : FILES_END;
    const head = text.slice(0, text.length - end.length);
    try {
      // Another process may have compacted the journal, which replaces the file.
      if (this.#journal?.isAt(this.#path) === false) this.close();
      this.#journal ??= this.#open();
      const before = this.#journal.written;
      this.#journal.addText(head);
      for (const piece of files) this.#journal.add(piece);
      this.#journal.addText(end);
      this.#journal.flush();
      this.#seen.bytes += this.#journal.written - before;
    } catch (error) {
      // Better nothing is known than what is not true any more.
      this.#known = new Map();
      this.#live = 0;
      this.#journal?.abandon();
      this.#journal = undefined;
      removeIfPresent(this.#path);
      this.#seen = { file: undefined, bytes: 0 };
      throw error;
    }
    const size = files.reduce((sum, { length }) => sum + length, text.length);
    this.#written += size;
    return size;
  }

  #open(): AppendFile {
    const folder = parentFolder(this.#path);
    ensureFolderBelow(parentFolder(folder), folder, 0o700);
    const journal = AppendFile.open(this.#path);
    // A new file: whatever is in it already, another process has written.
    this.#seen.file ??= fileIdentity(this.#path);
    return journal;
  }

  #load<Result extends LastOutcome>(
    parse: (text: string) => Line<Result> | undefined,
  ): Map<string, Kept<Result>> {
    const kept = new Map<string, Kept<Result>>();
    const whole = readTextIfPresent(this.#path) ?? "";
    this.#written = whole.length;
    for (const text of whole.split("\n")) {
      const line = parse(text);
      if (line === undefined) continue;
      const { key, result, left } = line;
      const before = kept.get(key);
      if (result !== undefined) kept.set(key, { text, result });
      else if (left !== undefined) kept.set(key, { ...before, left });
      else if (before?.result !== undefined) {
        kept.set(key, { ...before, result: { ...before.result, isPast: true } });
      }
    }
    return kept;
  }
}

/** Whatever is there, it is no line: the task counts as one that never ran. */
function parseLine(text: string): Line | undefined {
  if (text === "") return undefined;
  try {
    const line = JSON.parse(text) as Partial<Line> | null;
    if (line?.format !== 1 || typeof line.key !== "string") return undefined;
    return line as Line;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** What a line says beside the parts, which may be long; of an earlier version's, all of it. */
function parseHead(text: string): Line<LastOutcome> | undefined {
  const end = text.indexOf(PARTS_BEGIN);
  if (end < 0 || !text.endsWith(FILES_END)) return parseLine(text);
  const line = parseLine(`${text.slice(0, end)}}}`);
  return line?.result?.outputs === undefined ? parseLine(text) : line;
}

/** A line whose parts come last of all, and the files last of these. */
function lineOf(key: string, { parts, ...result }: LastResult): Line {
  const { files, ...others } = parts;
  const { task, ...rest } = others;
  return { format: 1, key, result: { ...result, parts: { task, ...rest, files } } };
}

function outcomeOf({ fingerprint, outputs, isPast }: LastOutcome): LastOutcome {
  return { fingerprint, outputs, ...(isPast === undefined ? {} : { isPast }) };
}
