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
 * Where a task's stdin comes from: nowhere, or from another process's stdin, which is then opened
 * anew (Linux only; see {@linkcode canShareStdin}).
 */
export type StdinSource = "empty" | { readonly fromProcess: number };

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
 * Whether a task can be given another process's stdin.
 *
 * @returns `false` on other platforms than Linux, where that process is gone or somebody else's,
 *   or where its stdin is a socket, which can't be opened a second time
 */
export function canShareStdin(source: Exclude<StdinSource, "empty">): boolean {
  if (Deno.build.os !== "linux") return false;
  try {
    return !Deno.readLinkSync(stdinPath(source)).startsWith("socket:");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    if (error instanceof Deno.errors.PermissionDenied) return false;
    throw error;
  }
}

/** The file that stdin is opened as. */
export function stdinPath(source: StdinSource): string {
  if (source === "empty") return "/dev/null";
  return `/proc/${source.fromProcess}/fd/0`;
}
