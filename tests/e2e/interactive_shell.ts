/**
 * An interactive shell with job control in a pseudo-terminal, in the folder of a project.
 *
 * @module
 */

import type { Project, Running } from "./support.ts";

const PROMPT = "prompt> ";

/** Milliseconds after which something that has not happened counts as missing. */
export const LATE_MS = 30_000;

/** Keys that send a signal to the foreground job. */
export const KEYS = { interrupt: "\x03", suspend: "\x1a" } as const;

/** Returns words as a command line for a shell. */
export function shellLine(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
}

/** Runs bash, types into it, and reads what it shows. The terminal closes on disposal. */
export class InteractiveShell implements AsyncDisposable {
  readonly #running: Running;
  /** Length of the text that has been waited for. */
  #seen = 0;

  private constructor(running: Running) {
    this.#running = running;
  }

  /** Starts a shell. Resolves when it waits for a command. */
  static async start(project: Project): Promise<InteractiveShell> {
    const words = ["bash", "--norc", "--noprofile", "--noediting", "-i"];
    const shell = new InteractiveShell(project.startProgram(words, { terminal: true }));
    // The echo of this line does not contain the prompt.
    await shell.type(`stty -echo; PS1='${PROMPT.slice(0, 3)}''${PROMPT.slice(3)}'\n`);
    await shell.prompt();
    return shell;
  }

  /** Presses keys. */
  async type(keys: string): Promise<void> {
    await this.#running.type(keys);
  }

  /** Resolves with the text up to the next occurrence of `words`, which are included. */
  async until(words: string): Promise<string> {
    const from = this.#seen;
    const { stdout } = this.#running;
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      reject(new Error(`"${words}" did not come; there was:\n${stdout.text.slice(from)}`));
    }, LATE_MS);
    try {
      this.#seen = await Promise.race([stdout.after(words, from), late]);
    } finally {
      clearTimeout(timer);
    }
    return stdout.text.slice(from, this.#seen);
  }

  /** Resolves with the text before the next prompt. */
  async prompt(): Promise<string> {
    return (await this.until(PROMPT)).slice(0, -PROMPT.length);
  }

  /** Runs a command line to the next prompt. Resolves with the text that it has shown. */
  async run(line: string): Promise<string> {
    await this.type(`${line}\n`);
    return await this.prompt();
  }

  /** Returns the exit code of the last command. */
  async exitCode(): Promise<number> {
    const [, code] = /code=(\d+)/.exec(await this.run("echo code=$?")) ?? [];
    return Number(code);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.type("\0hangup");
    await this.#running.finished();
  }
}
