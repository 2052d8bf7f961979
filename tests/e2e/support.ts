/**
 * Helpers for the end-to-end tests: a project in a temporary folder, and the real command line in
 * pipes or in a terminal.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { readLockContent } from "../../lock/content.ts";
import { isProcessAlive } from "../../system/process/processes.ts";
import { REPEAT_MS } from "../../wire/signals.ts";

/**
 * Selects the client under test. `SIMMER_E2E` is `whole` (cli.ts, which sends no command line to a
 * server), the path of a quick client, or absent (main.ts).
 */
const CLIENT = Deno.env.get("SIMMER_E2E");
const ENTRY = CLIENT === "whole" ? "../../cli.ts" : "../../main.ts";

/**
 * The words that run simmer. With an empty cache, the runtime's own messages about downloads would be
 * on stderr, also after `deno install`.
 */
export const SIMMER: readonly string[] = CLIENT?.startsWith("/") === true
  ? [CLIENT]
  : [Deno.execPath(), "run", "-q", "-A", new URL(ENTRY, import.meta.url).pathname];

/**
 * Options with which the client under test runs tasks: with a server, and without one. Without a
 * server, `main.ts` runs the same code as the other two clients, for which that is not repeated.
 */
export const PLACES: readonly (readonly string[])[] = CLIENT === undefined
  ? [[], ["--no-server"]]
  : [[]];

/** True if the client under test sends its command lines to a server. */
export const SENDS_COMMAND_LINES: boolean = CLIENT !== "whole";

/** Matches the command lines of simmer's own processes, but not those of tasks. */
export const IS_SIMMER = /\/(main|cli)\.ts |perl -x /;

/**
 * Returns the path of the socket that a project's lock file names.
 *
 * @throws {Deno.errors.NotFound} if it names none
 */
export function socketOf(root: string): string {
  const socket = readLockContent(`${root}/.simmer/lock`)?.socket;
  if (socket === undefined) throw new Deno.errors.NotFound("no socket is named in .simmer/lock");
  return socket;
}

/** Returns whether the quick client can run here. */
export function hasPerl(): boolean {
  try {
    return Deno.statSync("/usr/bin/perl").isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

const TERMINAL = new URL("./terminal.py", import.meta.url).pathname;

/** Returns the words that run a program in a pseudo-terminal of 80 columns and 24 rows. */
export function terminalWords(
  program: readonly string[],
  { columns, rows } = { columns: 80, rows: 24 },
): string[] {
  return ["python3", TERMINAL, `${columns}`, `${rows}`, ...program];
}

/** Variables of the test's own environment that must not affect a command. */
const NEUTRAL = new RegExp(
  "^(CI|GITHUB_.*|NO_COLOR|FORCE_COLOR|FORCE_HYPERLINK|INIT_CWD|DENO_JOBS|SIMMER_.*|npm_.*|" +
    "TERM_PROGRAM|TMUX|STY|ZELLIJ|SSH_CONNECTION|VTE_VERSION|WT_SESSION|KONSOLE_VERSION)$",
);

/** Options to run a command. */
export interface RunOptions {
  /** Variables that are added to a neutral environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Working folder, relative to the project's root. */
  readonly folder?: string;
  /** Content of stdin; default: empty. */
  readonly stdin?: string;
  /** True if the command runs in a pseudo-terminal: both streams are then in `stdout`. */
  readonly terminal?: boolean;
}

/** The result of a command. */
export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The output of one stream of a running command so far. */
class Transcript {
  readonly ended: Promise<void>;
  #text = "";
  #isEnded = false;
  #waiting: (() => void)[] = [];

  constructor(stream: ReadableStream<Uint8Array>) {
    this.ended = this.#collect(stream);
  }

  get text(): string {
    return this.#text;
  }

  /** Resolves when the text contains `words`, at least as often as said. */
  async until(words: string, times = 1): Promise<void> {
    while (this.#text.split(words).length <= times) {
      if (this.#isEnded) throw new Error(`"${words}" never came; there was:\n${this.#text}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /**
   * Resolves when the text contains `words` at or after a position, with the position behind them.
   */
  async after(words: string, position: number): Promise<number> {
    while (true) {
      const at = this.#text.indexOf(words, position);
      if (at >= 0) return at + words.length;
      if (this.#isEnded) throw new Error(`"${words}" never came; there was:\n${this.#text}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Resolves when the text is longer than `length`. Resolves with false if it has ended. */
  async more(length: number): Promise<boolean> {
    while (this.#text.length <= length && !this.#isEnded) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return this.#text.length > length;
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of stream) {
      this.#text += decoder.decode(bytes, { stream: true });
      for (const wake of this.#waiting.splice(0)) wake();
    }
    this.#isEnded = true;
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

/**
 * Resolves when an equal signal counts as that of a further key press. A client may have handled the
 * last one late.
 */
export async function nextKeyPress(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 2 * REPEAT_MS));
}

/** A running command. */
export class Running {
  readonly pid: number;
  readonly stdout: Transcript;
  readonly stderr: Transcript;
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;

  constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.pid = child.pid;
    this.#stdin = child.stdin.getWriter();
    this.stdout = new Transcript(child.stdout);
    this.stderr = new Transcript(child.stderr);
  }

  /** Writes to the command's stdin, or presses keys if the command runs in a terminal. */
  async type(keys: string): Promise<void> {
    await this.#stdin.write(new TextEncoder().encode(keys));
  }

  /** Closes the command's stdin. */
  async endInput(): Promise<void> {
    await this.#stdin.close();
  }

  /** Sends a signal to the command. */
  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Resolves when the command has ended and all its output has been read. */
  async finished(): Promise<Finished> {
    const { code } = await this.#child.status;
    await Promise.all([this.stdout.ended, this.stderr.ended]);
    try {
      await this.#stdin.close();
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof Deno.errors.BrokenPipe)) throw error;
    }
    return { code, stdout: this.stdout.text, stderr: this.stderr.text };
  }
}

/** A project in a temporary folder, with the server that commands start in it. */
export class Project implements AsyncDisposable {
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  /**
   * Creates a project from files by their paths. Objects are written as JSON.
   *
   * @param dir folder that contains the project's root; default: the system's for temporary files
   */
  static async create(files: Readonly<Record<string, unknown>>, dir?: string): Promise<Project> {
    const place = dir === undefined ? {} : { dir };
    const root = await Deno.realPath(await Deno.makeTempDir({ prefix: "simmer_e2e_", ...place }));
    const project = new Project(root);
    for (const [path, content] of Object.entries(files)) await project.write(path, content);
    return project;
  }

  /** Writes a file. Content other than text is written as JSON. */
  async write(path: string, content: unknown): Promise<void> {
    const text = typeof content === "string" ? content : JSON.stringify(content, null, 2);
    const folder = `${this.root}/${path}`.replace(/\/[^/]*$/, "");
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeTextFile(`${this.root}/${path}`, text);
  }

  /** Returns the text of a file. */
  read(path: string): Promise<string> {
    return Deno.readTextFile(`${this.root}/${path}`);
  }

  /** Starts `simmer` with arguments. */
  start(args: readonly string[], options: RunOptions = {}): Running {
    return this.startProgram([...SIMMER, ...args], options);
  }

  /** Starts any program with the options of `start`. */
  startProgram(program: readonly string[], options: RunOptions = {}): Running {
    const [command = "", ...args] = options.terminal ? terminalWords(program) : program;
    const child = new Deno.Command(command, {
      args,
      cwd: `${this.root}/${options.folder ?? ""}`,
      clearEnv: true,
      env: {
        ...neutralEnvironment(),
        SIMMER_CACHE_DIR: `${this.root}/.simmer/cache`,
        ...options.env,
      },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    return new Running(child);
  }

  /** Runs `simmer` with arguments to its end. */
  async run(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return await this.#toEnd(this.start(args, options), options);
  }

  /** Runs any program to its end. */
  async runProgram(program: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return await this.#toEnd(this.startProgram(program, options), options);
  }

  /** Returns the server's process id, which the lock file names. */
  async serverPid(): Promise<number> {
    const pid = parseInt(await this.read(".simmer/lock"));
    // A new lock file is empty for a moment. A kill of NaN would be one of 0: the test's own group.
    if (!(pid > 1)) throw new Deno.errors.NotFound("no process is named in .simmer/lock");
    return pid;
  }

  /** Returns the path of the server's socket. @throws {Deno.errors.NotFound} if no server runs */
  socket(): string {
    return socketOf(this.root);
  }

  /** Returns the server's XML-RPC address; empty if the server has none. */
  xmlrpc(): string {
    return readLockContent(`${this.root}/.simmer/lock`)?.xmlrpc ?? "";
  }

  /**
   * Kills the server, and waits until its process has ended.
   *
   * @throws {Deno.errors.NotFound} if no server runs
   */
  async killServer(): Promise<void> {
    const pid = await this.serverPid();
    Deno.kill(pid, "SIGKILL");
    await untilGone(pid, "the killed server");
  }

  /** Ends the server, checks that no process of the project is left, and removes the folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { code, stderr } = await this.run(["stop", "--force"]);
    const left = await this.processes();
    await Deno.remove(this.root, { recursive: true });
    assertEquals(left, [], "processes outlived the project");
    assertEquals(code, 0, stderr);
  }

  /** Returns the command lines of all processes whose working folder is in this project. */
  async processes(): Promise<string[]> {
    return (await processesIn(this.root)).map(({ words }) => words);
  }

  async #toEnd(running: Running, options: RunOptions): Promise<Finished> {
    if (options.stdin !== undefined) await running.type(options.stdin);
    if (!options.terminal) await running.endInput();
    return await running.finished();
  }
}

/** Milliseconds after which a process that should have ended counts as hung. */
const HANG_MS = 120_000;

/**
 * Resolves when a process has ended. Polls, because the kernel reports only the end of children.
 *
 * @param who the process, as the failure names it
 * @param ms timeout in milliseconds
 */
export async function untilGone(pid: number, who: string, ms = HANG_MS): Promise<void> {
  const deadline = performance.now() + ms;
  while (isProcessAlive(pid)) {
    assert(performance.now() < deadline, `${who} (process ${pid}) is still there`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Returns all processes whose working folder is `folder` or below it. */
export async function processesIn(
  folder: string,
): Promise<{ readonly pid: number; readonly words: string }[]> {
  const found: { readonly pid: number; readonly words: string }[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const cwd = await Deno.readLink(`/proc/${name}/cwd`);
      if (cwd !== folder && !cwd.startsWith(`${folder}/`)) continue;
      const words = await Deno.readTextFile(`/proc/${name}/cmdline`);
      if (words === "") continue;
      found.push({ pid: Number(name), words: words.replaceAll("\0", " ").trim() });
    } catch (error) {
      if (!isGoneOrElsewhere(error)) throw error;
    }
  }
  return found;
}

function neutralEnvironment(): Record<string, string> {
  const env = Object.entries(Deno.env.toObject()).filter(([name]) => !NEUTRAL.test(name));
  return { ...Object.fromEntries(env), NO_COLOR: "1" };
}

/**
 * Returns whether an error means that a listed process has ended or belongs to another test. Deno has
 * no error class for ESRCH. A folder whose name is not UTF-8 is another test's.
 */
function isGoneOrElsewhere(error: unknown): boolean {
  return error instanceof Deno.errors.InvalidData || error instanceof Deno.errors.NotFound ||
    error instanceof Deno.errors.PermissionDenied ||
    (error instanceof Error && error.message.includes("os error 3"));
}
