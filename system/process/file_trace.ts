/**
 * Records which files the processes of a command read and write, by `strace` (Linux).
 *
 * @module
 */

import { listFolder, removeTree } from "../files/files.ts";
import { makeTemporaryFolder } from "../files/private_folder.ts";
import { macrotask } from "../macrotask.ts";
import { runTool } from "./tool.ts";

/** A file that a command has used. */
export interface FileAccess {
  /** Absolute path. */
  readonly path: string;
  /** True if the first use was a read: the command has not created what it read. */
  readonly isInput: boolean;
  readonly isWritten: boolean;
}

/** System calls that open, start, create, move or remove files. A missing name is no error. */
const CALLS = [
  ...["open", "openat", "openat2", "creat", "execve", "execveat", "chdir"],
  ...["rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat"],
  "truncate",
].map((name) => `?${name}`).join(",");

/** Maximum length of a path in the trace, in bytes. */
const PATH_BYTES = 4096;

/** Lines that are parsed before other work of this process gets its turn. */
const LINES_AT_ONCE = 5000;

/** Timeout for the trial run, in milliseconds. */
const TRIAL_MS = 5000;

/** A recorded call: time, name, arguments, result, and the path of the resulting descriptor. */
const CALL = /^(\d+\.\d+) (\w+)\((.*)\)\s+= (\d+)(?:<(.*)>(?:\(deleted\))?)?$/;

/** A text argument, and the path of the descriptor before it that a relative path begins at. */
const PATH = /(?:(?:AT_FDCWD|\d+)<((?:[^<>\\]|\\.)*)>, )?"((?:[^"\\]|\\.)*)"(\.\.\.)?/g;

/**
 * Returns the reason why a `strace` cannot trace here, for example in a container that does not
 * permit it. Returns `undefined` if it can.
 */
export async function traceObstacle(strace: string): Promise<string | undefined> {
  const said = await runTool(
    strace,
    ["-qq", "-e", "trace=none", "sh", "-c", "echo traced"],
    TRIAL_MS,
  );
  return said === "traced" ? undefined : said?.split("\n")[0] || "it does not run";
}

/** A trace of one command. Its files exist until it is disposed of. */
export class FileTrace implements Disposable {
  /** The words that precede the command. The first one is the path of `strace`. */
  readonly words: readonly string[];
  readonly #folder: string;

  private constructor(strace: string, folder: string) {
    this.#folder = folder;
    const options = ["-ff", "-qq", "-y", "-z", "-ttt", "-s", String(PATH_BYTES)];
    this.words = [strace, ...options, "-e", `trace=${CALLS}`, "-o", `${folder}/trace`];
  }

  /**
   * Creates the folder of a trace.
   *
   * @param strace the program's path
   */
  static create(strace: string): FileTrace {
    return new FileTrace(strace, makeTemporaryFolder());
  }

  /**
   * Returns the files that the command has used until now, sorted by path.
   *
   * @param cwd the folder in which the command was started, absolute
   */
  async read(cwd: string): Promise<FileAccess[]> {
    const uses = new Uses();
    for (const name of listFolder(this.#folder)) {
      const lines = Deno.readTextFileSync(`${this.#folder}/${name}`).split("\n");
      let place = cwd;
      for (const [index, line] of lines.entries()) {
        if (index % LINES_AT_ONCE === LINES_AT_ONCE - 1) await macrotask();
        place = uses.take(line, place);
      }
      await macrotask();
    }
    return uses.list();
  }

  /** Removes the files of the trace. */
  [Symbol.dispose](): void {
    removeTree(this.#folder);
  }
}

interface Use {
  first: number;
  isInput: boolean;
  isWritten: boolean;
}

/** Collects the uses of files from the lines of a trace. */
class Uses {
  readonly #uses = new Map<string, Use>();

  /**
   * Takes in a line.
   *
   * @param cwd the working directory of the process, as far as it is known
   * @returns its working directory after the call
   */
  take(line: string, cwd: string): string {
    const [, time, name = "", words = "", , opened] = CALL.exec(line) ?? [];
    if (time === undefined) return cwd;
    const at = Number(time);
    const paths = [...words.matchAll(PATH)].map(([, base, path = ""]) =>
      resolve(base === undefined ? cwd : unescape(base), unescape(path))
    );
    const known = /^AT_FDCWD<((?:[^<>\\]|\\.)*)>/.exec(words)?.[1];
    const place = known === undefined ? cwd : unescape(known);
    const [first, second] = paths;
    if (name === "chdir") return first ?? cwd;
    if (name.startsWith("open") || name === "creat") {
      const path = opened === undefined ? first : unescape(opened);
      if (path !== undefined) this.#open(path, name === "creat" ? "O_CREAT" : words, at);
    } else if (name.startsWith("exec")) {
      if (first !== undefined) this.#use(first, at, { reads: true, writes: false });
    } else if (name === "truncate") {
      if (first !== undefined) this.#use(first, at, { reads: true, writes: true });
    } else if (second !== undefined) this.#use(second, at, { reads: false, writes: true });
    return place;
  }

  /** Returns the files, sorted by path. */
  list(): FileAccess[] {
    return [...this.#uses].map(([path, { isInput, isWritten }]) => ({ path, isInput, isWritten }))
      .sort((a, b) => a.path < b.path ? -1 : 1);
  }

  #open(path: string, words: string, at: number): void {
    const flags = words.replace(/^.*"/s, "");
    if (/O_PATH|O_DIRECTORY/.test(flags)) return;
    const creates = /O_CREAT|O_TRUNC/.test(flags);
    this.#use(path, at, {
      reads: !/O_WRONLY/.test(flags) && !/O_TRUNC/.test(flags),
      writes: creates || /O_WRONLY|O_RDWR/.test(flags),
    });
  }

  #use(
    path: string,
    at: number,
    { reads, writes }: { readonly reads: boolean; readonly writes: boolean },
  ): void {
    const isInput = reads && !writes;
    const known = this.#uses.get(path);
    if (known === undefined) {
      this.#uses.set(path, { first: at, isInput, isWritten: writes });
      return;
    }
    known.isWritten ||= writes;
    // The files of processes are read one after the other, so that an earlier use may come later.
    if (at >= known.first) return;
    known.first = at;
    known.isInput = isInput;
  }
}

function resolve(base: string, path: string): string {
  if (path === "") return base;
  const parts: string[] = [];
  for (const part of (path.startsWith("/") ? path : `${base}/${path}`).split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

const ESCAPES: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, v: 11, f: 12 };

/** Decodes the escapes of `strace`, which are those of C with octal bytes. */
function unescape(text: string): string {
  if (!text.includes("\\")) return text;
  const bytes: number[] = [];
  for (const [, octal, letter, plain] of text.matchAll(/\\([0-7]{1,3})|\\(.)|([^\\]+)/gs)) {
    if (octal !== undefined) bytes.push(parseInt(octal, 8));
    else if (letter !== undefined) bytes.push(ESCAPES[letter] ?? letter.charCodeAt(0));
    else bytes.push(...new TextEncoder().encode(plain));
  }
  return new TextDecoder().decode(new Uint8Array(bytes));
}
