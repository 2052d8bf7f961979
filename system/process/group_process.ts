/**
 * A task's process: what it is started with, and what it is seen of from here.
 *
 * @module
 */

/** How a process ended. */
export interface ExitStatus {
  /** Its exit code; 128 + the signal's number where a signal ended it. */
  readonly code: number;
  /** The signal that ended it. */
  readonly signal?: string;
}

/**
 * Where a task's stdin comes from: nowhere, this process's own stdin by inheritance, or another
 * process's (Linux only; see {@linkcode stdinAccess}).
 */
export type StdinSource =
  | "empty"
  | "inherited"
  | { readonly fromProcess: number }
  /** One of this process's descriptors. */
  | { readonly descriptor: number };

/** What is to be run. */
export interface SpawnOptions {
  /** The program, absolute. */
  readonly command: string;
  readonly args: readonly string[];
  /** The working directory, absolute. */
  readonly cwd: string;
  /** The whole environment: nothing is added. */
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: StdinSource;
  /** Descriptors above stderr: this process's, by the numbers that they are to have. Default: none. */
  readonly descriptors?: ReadonlyMap<number, number>;
}

/** The end of a pipe that is read. */
export interface PipeSource {
  /**
   * Reads what is there, at least one byte; one read at a time.
   *
   * @param buffer not the caller's any more: what is read lies in it, or in one that takes its place
   * @returns `undefined` at the end, and when it is closed meanwhile
   */
  read(buffer: ArrayBuffer): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Reads no more, whoever may still write; safe to call twice. */
  close(): Promise<void>;
}

/** A process that leads a process group of its own. */
export interface GroupProcess {
  /** Its process id, which is its group's id too. */
  readonly pid: number;
  /** Read only as fast as it is asked for; whoever spawned reads it to its end or closes it. */
  readonly stdout: PipeSource;
  readonly stderr: PipeSource;
  /** Resolves when the process itself has ended; others of its group may go on. */
  readonly exit: Promise<ExitStatus>;
  /** Whether anything of its group still runs, which may be others than itself. */
  groupIsAlive(): boolean;
}

/**
 * How a task is given another process's stdin.
 *
 * - `"open"`: opened a second time by its name in `/proc`. A terminal is not taken from the process,
 *   so that its blocking mode stays the client's; a pipe has no position that could differ.
 * - `"take"`: only the very descriptor will do. A file that is opened again has another position, and
 *   a socket cannot be opened.
 * - `"none"`: there is no way: on other platforms than Linux, and if the process is gone or another
 *   user's.
 */
type StdinAccess = "open" | "take" | "none";

/** How a task is given a process's stdin. */
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

/** The name by which a process's descriptor is opened. */
export function stdinPath(pid: number, descriptor = 0): string {
  return `/proc/${pid}/fd/${descriptor}`;
}
