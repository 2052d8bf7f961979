/** A project with the config of another tool, and a cooker that runs its tasks. */

import { assertEquals } from "@std/assert";
import { DirectCooker, type DirectRun } from "../direct_cooker.ts";

/** Text of files by their paths. Objects are written as JSON. */
export type Files = Readonly<Record<string, unknown>>;

/** A project in a temporary folder. */
export class PeerProject implements AsyncDisposable {
  readonly root: string = Deno.realPathSync(Deno.makeTempDirSync());
  readonly cooker: DirectCooker;
  env: Readonly<Record<string, string>> = {};

  constructor(files: Files) {
    this.write(files);
    this.cooker = new DirectCooker(this.root);
  }

  write(files: Files): void {
    for (const [path, content] of Object.entries(files)) {
      const file = `${this.root}/${path}`;
      if (content === null) {
        Deno.removeSync(file);
        continue;
      }
      Deno.mkdirSync(file.replace(/\/[^/]*$/, ""), { recursive: true });
      Deno.writeTextFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
    }
  }

  read(path: string): string {
    return Deno.readTextFileSync(`${this.root}/${path}`);
  }

  async run(tasks: readonly string[], isWhole = true): Promise<DirectRun> {
    const env = {
      PATH: Deno.env.get("PATH") ?? "",
      HOME: Deno.env.get("HOME") ?? "/",
      ...this.env,
    };
    const run = await this.cooker.run(tasks, { recursive: isWhole, env });
    // Results are stored after the build, unless an input changes before. A plan waits for that.
    if (run.error === undefined) await this.cooker.plan([], { env });
    return run;
  }

  /** Runs tasks in all packages and returns the full names of those that ran, sorted. */
  async ran(...tasks: readonly string[]): Promise<string[]> {
    const { exitCode, events, error } = await this.run(tasks);
    assertEquals([exitCode, error?.message], [0, undefined]);
    return events.flatMap((event) => event.type === "TaskStarted" ? event.task : []).sort();
  }

  /** Returns the warnings of a run, with paths relative to the root. */
  async warnings(...tasks: readonly string[]): Promise<string[]> {
    const { events } = await this.run(tasks);
    return events.flatMap((event) =>
      event.type === "LogRecord" && event.level === "warn"
        ? event.message.replaceAll(`${this.root}/`, "")
        : []
    );
  }

  /** Returns the message of a run that does not begin, with paths relative to the root. */
  async refusal(...tasks: readonly string[]): Promise<string> {
    const { error } = await this.run(tasks);
    return error?.message.replaceAll(`${this.root}/`, "") ?? "no error";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cooker[Symbol.asyncDispose]();
    Deno.removeSync(this.root, { recursive: true });
  }
}
