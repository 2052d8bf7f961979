/**
 * Stand-in for BitBake's server (`tests/peers/bitbake_server.py`), and a record of its commands.
 *
 * @module
 */

import { Project, type RunOptions } from "../e2e/support.ts";

const SERVER = new URL("../peers/bitbake_server.py", import.meta.url).pathname;

/** Options of the stand-in. */
export interface StandInOptions {
  /** True if simmer connects over XML-RPC; default: over the socket. */
  readonly xmlrpc?: boolean;
  /** Command at which it stops answering. */
  readonly hold?: string;
  /** Number of forked processes that also send events of `showVersions`; default: 0. */
  readonly parsers?: number;
  /** Bytes sent in place of an event's pickle, before the events of `showVersions`. */
  readonly odd?: Uint8Array;
  /** Command whose reply is not a frame; only over the socket. */
  readonly garble?: string;
  /** Environment variables of the `bitbake` that started it. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Line of the stand-in's output. */
interface Line {
  readonly ready?: boolean;
  readonly pid?: number;
  readonly address?: string;
  readonly command?: readonly unknown[];
  readonly method?: string;
  readonly reset?: string;
  readonly child?: number;
  readonly dropped?: string;
}

/** Project with a build folder, in which the stand-in runs. */
export class StandIn implements AsyncDisposable {
  readonly project: Project;
  readonly #server: ReturnType<Project["start"]>;
  readonly #where: string;

  private constructor(project: Project, server: ReturnType<Project["start"]>, where: string) {
    this.project = project;
    this.#server = server;
    this.#where = where;
  }

  static async start(options: StandInOptions = {}): Promise<StandIn> {
    const { xmlrpc = false, hold, parsers, odd, garble, env } = options;
    const project = await Project.create({ "deno.json": "{}\n", "build/conf/local.conf": "" });
    const build = `${project.root}/build`;
    const server = project.startProgram([
      "python3",
      SERVER,
      build,
      ...(xmlrpc ? ["--xmlrpc"] : []),
      ...(hold === undefined ? [] : ["--hold", hold]),
      ...(parsers === undefined ? [] : ["--parsers", `${parsers}`]),
      ...(garble === undefined ? [] : ["--garble", garble]),
      ...(odd === undefined ? [] : ["--send", odd.toHex()]),
    ], { folder: "build", env: { PWD: build, ...env } });
    await server.stdout.until("ready");
    const [first = "{}"] = server.stdout.text.split("\n");
    const { address = "" } = JSON.parse(first) as Line;
    return new StandIn(project, server, xmlrpc ? address : `unix:${build}/bitbake.sock`);
  }

  /** The build folder. */
  get folder(): string {
    return `${this.project.root}/build`;
  }

  get pid(): number {
    return this.#server.pid;
  }

  /** Runs simmer on the stand-in, in the project's root. */
  async simmer(args: readonly string[], options?: RunOptions): ReturnType<Project["run"]> {
    return await this.project.run([...args, "--server", this.#where], options);
  }

  /** Starts simmer on the stand-in, in the project's root. */
  start(args: readonly string[]): ReturnType<Project["start"]> {
    return this.project.start([...args, "--server", this.#where]);
  }

  /** Lines that the stand-in has printed so far. */
  get lines(): readonly Line[] {
    return this.#server.stdout.text.trim().split("\n").map((line) => JSON.parse(line) as Line);
  }

  /** The commands that the stand-in has received, names and arguments. */
  get commands(): readonly (readonly unknown[])[] {
    return this.lines.flatMap(({ command, method }) =>
      command !== undefined ? [command] : method !== undefined ? [[method]] : []
    );
  }

  /** Reasons for which BitBake would have parsed everything again. */
  get resets(): readonly string[] {
    return this.lines.flatMap(({ reset }) => reset === undefined ? [] : [reset]);
  }

  /** Waits until the stand-in holds a command. Returns the child that keeps its descriptors. */
  async held(): Promise<number> {
    await this.#server.stdout.until('"child"');
    return this.lines.find(({ child }) => child !== undefined)?.child ?? 0;
  }

  /** Resolves when the stand-in has received a command. */
  async received(name: string): Promise<void> {
    await this.#server.stdout.until(`"${name}"`);
  }

  /** Errors of events that could not be sent. The client gets no events after the first error. */
  get dropped(): readonly string[] {
    return this.lines.flatMap(({ dropped }) => dropped === undefined ? [] : [dropped]);
  }

  kill(): void {
    this.#server.kill("SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.lines.find((line) => line.child !== undefined)?.child;
    for (const pid of [this.pid, child]) {
      if (pid === undefined) continue;
      try {
        Deno.kill(pid, "SIGKILL");
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    await this.#server.finished();
    await this.project[Symbol.asyncDispose]();
  }
}
