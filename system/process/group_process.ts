/**
 * Types for a task's process: the options that it is started with, and the handle to its output and
 * its exit. Also decides how a task gets the stdin of a client's process.
 *
 * @module
 */

import type { StartAttributes } from "./start_attributes.ts";

/** The result of a process that has ended. */
export interface ExitStatus {
  /** The exit code, or 128 + the signal's number if a signal ended the process. */
  readonly code: number;
  /** The signal that ended the process. */
  readonly signal?: string;
}

/**
 * The source of a task's stdin: empty, this process's own stdin by inheritance, or another
 * process's stdin (Linux only, see {@linkcode stdinAccess}).
 */
export type StdinSource =
  | "empty"
  | "inherited"
  | { readonly fromProcess: number }
  /** A descriptor of this process. */
  | { readonly descriptor: number };

/** The size of a terminal in characters; 0: unknown. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/**
 * The destination of a task's output.
 *
 * - `"separate"`: a pipe for stdout, and one for stderr.
 * - `"joint"`: one pipe for both, which keeps the order of writes.
 * - Otherwise a pseudo-terminal for both.
 */
export type OutputKind = "separate" | "joint" | TerminalOutput;

/** A pseudo-terminal for a task. */
export interface TerminalOutput extends TerminalSize {
  /**
   * Present if the pseudo-terminal is also the task's stdin and its controlling terminal. It begins
   * with the modes of the terminal at `path`.
   */
  readonly keyboard?: { readonly path: string };
}

/** A signal that a terminal sends for a key. */
export type TypedSignal = "SIGINT" | "SIGQUIT" | "SIGTSTP";

/** A key for which a terminal sends a signal. */
export interface SignalKey {
  readonly signal: TypedSignal;
  /** True if the last key before Ctrl-C or Ctrl-\ was one of these, too. */
  readonly isRepeated: boolean;
  /** Text that the terminal shows for the key; empty if it shows nothing. */
  readonly echo: string;
}

/** A task's terminal, as the target of a person's keys and sizes. */
export interface TaskTerminal {
  /**
   * Passes keys on to the task.
   *
   * If the task leaves keys to the terminal, Ctrl-C, Ctrl-\ and Ctrl-Z are withheld, and the caller
   * sends the signal. The kernel would send it to each process of the task's group, and the shell of
   * `deno task` would send it to its children again. It does not suspend a task whose parent is in
   * another session.
   *
   * @param listener called for each withheld key
   */
  type(keys: Uint8Array, listener: (key: SignalKey) => void): void;
  /** Sets the size. The kernel reports it to the task if this is its controlling terminal. */
  resize(size: TerminalSize): void;
}

/** The program to run and its surroundings. */
export interface SpawnOptions {
  /** The program's absolute path. */
  readonly command: string;
  /**
   * The name that the program is given as `argv[0]`, where the platform has `posix_spawn` and no
   * prefix is needed. Default: its path.
   */
  readonly calledAs?: string;
  readonly args: readonly string[];
  /** The absolute path of the working directory. */
  readonly cwd: string;
  /** The complete environment. No variables are added. */
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: StdinSource;
  /**
   * Descriptors above stderr. Maps each number in the new process to a descriptor of this process.
   * Default: none.
   */
  readonly descriptors?: ReadonlyMap<number, number>;
  /** Default: `"separate"`. */
  readonly output?: OutputKind;
  /** Attributes that differ from those of this process. Default: none. */
  readonly attributes?: StartAttributes;
}

/** The read end of a pipe. */
export interface PipeSource {
  /**
   * Reads the available bytes, at least one. Only one read may be pending at a time.
   *
   * @param buffer taken over from the caller; the returned array lies in it or in a replacement
   * @returns `undefined` at the end of the pipe, and if the pipe is closed during the read
   */
  read(buffer: ArrayBuffer): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Stops reading, even if processes still hold the write end. Safe to call twice. */
  close(): Promise<void>;
}

/** A process that leads its own process group. */
export interface GroupProcess {
  /** The process id, which is also the id of the group. */
  readonly pid: number;
  /**
   * The process's stdout. It is read only on demand, which gives back-pressure. The spawning code
   * must read it to its end or close it.
   */
  readonly stdout: PipeSource;
  /** Absent if `stdout` also has what the process writes to stderr. */
  readonly stderr?: PipeSource;
  /** Present if `stdout` is a pseudo-terminal. */
  readonly terminal?: TaskTerminal;
  /** True if all pseudo-terminals of the system are in use, so that the output is a pipe. */
  readonly lacksTerminal: boolean;
  /** Resolves when the process itself has ended. Other processes of its group may still run. */
  readonly exit: Promise<ExitStatus>;
  /** Returns `true` while any process of the group runs, even if the leader has ended. */
  groupIsAlive(): boolean;
}

/**
 * The ways to give a task another process's stdin.
 *
 * - `"open"`: the task opens it a second time by its name in `/proc`. A terminal is not shared with
 *   the client, so that the client keeps control of its blocking mode. A pipe has no position that
 *   could differ.
 * - `"take"`: the descriptor itself must be duplicated. A file that is opened again has another
 *   position, and a socket cannot be opened.
 * - `"none"`: not possible. The platform is not Linux, the process has ended, or it belongs to
 *   another user.
 */
type StdinAccess = "open" | "take" | "none";

/** Decides how a task can get a process's stdin. */
export function stdinAccess({ fromProcess }: { readonly fromProcess: number }): StdinAccess {
  if (Deno.build.os !== "linux") return "none";
  try {
    const { isFile, isSocket } = Deno.statSync(stdinPath(fromProcess));
    return isFile || isSocket ? "take" : "open";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "none";
    if (error instanceof Deno.errors.PermissionDenied) return "none";
    throw error;
  }
}

/** Returns the path in `/proc` that opens a process's descriptor. */
export function stdinPath(pid: number, descriptor = 0): string {
  return `/proc/${pid}/fd/${descriptor}`;
}
