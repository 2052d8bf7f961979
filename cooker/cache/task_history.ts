/**
 * Stores each task's last success, with which `why` compares, and the files that its last run has
 * left, which the next run removes.
 *
 * Both are in a journal. It has a line for each success, each beginning, and each run without a
 * result that declares outputs. Each line is one write. If a process is killed, the journal has
 * everything that had happened by then.
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

/** The part of a task's last success that stays in memory. */
interface LastOutcome {
  readonly fingerprint: string;
  readonly outputs: readonly OutputEntry[];
  /** True if the task has begun again since, so that the state of its outputs is unknown. */
  readonly isPast?: boolean;
}

/** A task's last success. */
export interface LastResult extends LastOutcome {
  readonly parts: FingerprintParts;
  /** Time of its end, in milliseconds since the Unix epoch. */
  readonly at: number;
  /** Duration of the run, in milliseconds. */
  readonly durationMs: number;
}

/** Number of inputs that are encoded as one piece of a line. */
const FILES_PER_PIECE = 512;

const encoder = new TextEncoder();

/**
 * Encodes the contents of input files for a line. The work is sliced and the text is in pieces,
 * because encoding hundreds of thousands of files takes long.
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

/**
 * Characters of stale lines that may stay in the journal, in addition to as many as the live lines
 * have.
 */
const SPARE = 1024 * 1024;

/** Files that a run without a result has left. */
interface Leftovers {
  /** Signatures of files, links and folders by their paths relative to the task's folder. */
  readonly entries: Readonly<Record<string, string>>;
  /** Paths of the run's inputs. Present if a later run has to know whether one was deleted. */
  readonly inputs?: readonly string[];
}

/** A line: a success, the leftovers of a run without a result, or a new beginning of the task. */
interface Line<Result extends LastOutcome = LastResult> {
  readonly format: 1;
  readonly key: string;
  readonly result?: Result;
  readonly left?: Leftovers;
}

/**
 * End of a line after its files. It closes the files, the parts, the result and the line itself.
 */
const FILES_END = "}}}}";

/** Beginning of a line's parts. A JSON string can't contain it, because its quotes are escaped. */
const PARTS_BEGIN = ',"parts":{"task":';

/** State of a task, with the length of its lines. */
interface Known {
  /** Absent if the task has had no success. */
  readonly outcome?: LastOutcome;
  /** Absent if the last run that ended was a success. */
  readonly left?: Leftovers;
  readonly size: number;
}

/** A task's lines and their parsed contents. */
interface Kept<Result extends LastOutcome> {
  /** The line of its last success. */
  readonly text?: string;
  readonly result?: Result;
  readonly left?: Leftovers;
}

/** State of a journal at one time. */
interface JournalState {
  /** `undefined` if there is no journal. */
  file: FileIdentity | undefined;
  bytes: number;
}

function stateOf(path: string): JournalState {
  return { file: fileIdentity(path), bytes: fileSize(path) ?? 0 };
}

/** The last successes of a project's tasks, on disk. */
export class TaskHistory {
  readonly #path: string;
  #known: Map<string, Known> | undefined;
  #journal: AppendFile | undefined;
  /** Characters in the journal, and those among them that are not stale. */
  #written = 0;
  #live = 0;
  readonly #beginnings = new Map<string, number>();
  /** State of the journal as this process last read or wrote it. */
  #seen: JournalState = { file: undefined, bytes: 0 };

  /** @param path the journal, absolute; it is created with the first line */
  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Drops the state in memory if another process has written to the journal: a run without the
   * server, or a server in another container.
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

  /** Returns the last success of a task, or `undefined` if there is no readable one. */
  get(key: string): LastOutcome | undefined {
    return this.#all().get(key)?.outcome;
  }

  /**
   * Returns the files that the last run of a task has left, if it ended without a result. Returns
   * `undefined` after a success, whose outputs are in its own line.
   */
  leftovers(key: string): Leftovers | undefined {
    return this.#all().get(key)?.left;
  }

  /** Returns the paths of the inputs of a task's last run, or `undefined` if they are unknown. */
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

  /** Reads the last successes from disk, by their tasks' keys. */
  readAll(): ReadonlyMap<string, LastResult> {
    const all = new Map<string, LastResult>();
    for (const [key, { result }] of this.#load(parseLine)) {
      if (result !== undefined) all.set(key, result);
    }
    return all;
  }

  /**
   * Records a success.
   *
   * @param files the input files as {@linkcode filesText} encodes them; default: those of `result`
   * @throws {Error} the system error if the journal can't be written
   */
  set(key: string, result: LastResult, files?: readonly Uint8Array[]): void {
    const all = this.#all();
    const before = all.get(key)?.size ?? 0;
    const size = this.#append(lineOf(key, result), files);
    all.set(key, { outcome: outcomeOf(result), size });
    this.#live += size - before;
  }

  /**
   * Records what a run without a result has left: a failed or cancelled run, or one whose result is
   * not stored.
   *
   * @throws {Error} the system error if the journal can't be written
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
   * Records that a task begins, because it may overwrite the outputs of its last success.
   *
   * @throws {Error} the system error if the journal can't be written
   */
  begin(key: string): void {
    this.#beginnings.set(key, this.beginnings(key) + 1);
    const all = this.#all();
    const last = all.get(key);
    if (last?.outcome === undefined || last.outcome.isPast === true) return;
    all.set(key, { ...last, outcome: { ...last.outcome, isPast: true } });
    this.#append({ format: 1, key });
  }

  /** Returns how often a task has begun. Facts from before its last beginning are stale. */
  beginnings(key: string): number {
    return this.#beginnings.get(key) ?? 0;
  }

  /** Compacts the journal if most of it is stale. */
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

  /** Closes the journal. The next line opens it again. */
  close(): void {
    this.#journal?.close();
    this.#journal = undefined;
  }

  #all(): Map<string, Known> {
    if (this.#known !== undefined) return this.#known;
    const known = new Map<string, Known>();
    this.#live = 0;
    // Taken before the read, so that a write during the read shows up as a change.
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
   * Appends a line. Each line begins with its line break. A line that was cut off by a full disk
   * then stays separate from the next one.
   *
   * @returns the line's length
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
      // Drop all state and the journal, because state that is no longer true would be worse.
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
    // The known size of a new file stays 0. If another process has already written to it, the
    // difference shows that.
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

/**
 * Parses a line. Returns `undefined` if the text is not valid, so that its task counts as never
 * run.
 */
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

/**
 * Parses a line without its parts, which may be long. A line of an earlier version is parsed whole.
 */
function parseHead(text: string): Line<LastOutcome> | undefined {
  const end = text.indexOf(PARTS_BEGIN);
  if (end < 0 || !text.endsWith(FILES_END)) return parseLine(text);
  const line = parseLine(`${text.slice(0, end)}}}`);
  return line?.result?.outputs === undefined ? parseLine(text) : line;
}

/** Builds a line that ends with the parts, which end with the files. */
function lineOf(key: string, { parts, ...result }: LastResult): Line {
  const { files, ...others } = parts;
  const { task, ...rest } = others;
  return { format: 1, key, result: { ...result, parts: { task, ...rest, files } } };
}

function outcomeOf({ fingerprint, outputs, isPast }: LastOutcome): LastOutcome {
  return { fingerprint, outputs, ...(isPast === undefined ? {} : { isPast }) };
}
