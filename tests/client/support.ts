/**
 * Helpers of the client's tests: an output in memory, an invocation, and the events of a build.
 *
 * @module
 */

import type { Invocation } from "../../client/invocation.ts";
import { Output, type StreamName } from "../../client/output.ts";
import { FakeClock } from "../../system/fake_clock.ts";
import type { EventBody, SimmerEvent } from "../../wire/events.ts";

/** Records output in memory. */
export class Recorder {
  readonly output: Output;
  /** Each write with its stream, in order. */
  readonly writes: [StreamName, string][] = [];
  #waiting: (() => void)[] = [];
  #isBroken = false;

  constructor() {
    const writer = (stream: StreamName): { write(bytes: Uint8Array): Promise<number> } => ({
      write: (bytes) => {
        if (this.#isBroken && stream === "stdout") {
          return Promise.reject(new Deno.errors.BrokenPipe());
        }
        this.writes.push([stream, new TextDecoder().decode(bytes)]);
        for (const wake of this.#waiting.splice(0)) wake();
        return Promise.resolve(bytes.length);
      },
    });
    this.output = new Output({ stdout: writer("stdout"), stderr: writer("stderr") });
  }

  /** Makes writes to stdout fail, as if its reader had closed it. */
  breakStdout(): void {
    this.#isBroken = true;
  }

  /** Returns all output of a stream. */
  text(stream: StreamName): string {
    return this.writes.filter(([each]) => each === stream).map(([, text]) => text).join("");
  }

  /** Resolves when the output of a stream contains `words`. */
  async until(stream: StreamName, words: string): Promise<void> {
    while (!this.text(stream).includes(words)) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }
}

/** Fake client process, whose signals come from the test. */
export class FakeProcess {
  readonly recorder = new Recorder();
  readonly clock = new FakeClock();
  readonly exits: number[] = [];
  readonly #listeners = new Map<string, Set<() => void>>();

  /** Calls the listeners of a signal. */
  signal(name: string): void {
    for (const listener of this.#listeners.get(name) ?? []) listener();
  }

  /** Returns an invocation in the fake process. */
  invocation(root: string, args: readonly string[], env: Record<string, string> = {}): Invocation {
    return {
      args,
      commandLine: ["simmer", "run", ...args].join(" "),
      env,
      cwd: root,
      pid: 100,
      terminal: {
        stdin: false,
        stdout: false,
        stderr: false,
        columns: () => 80,
        rows: () => 24,
        isHungUp: () => false,
        restoreBy: () => {},
      },
      output: this.recorder.output,
      clock: this.clock,
      startedAt: this.clock.monotonic(),
      onSignal: (name, listener) => {
        const listeners = this.#listeners.get(name) ?? new Set();
        this.#listeners.set(name, listeners.add(listener));
        return { [Symbol.dispose]: () => listeners.delete(listener) };
      },
      exit: (code): never => {
        this.exits.push(code);
        return undefined as never;
      },
      serve: () => Promise.reject(new Error("not served in tests")),
      serveLocally: () => Promise.reject(new Error("not served in tests")),
      openBitbake: () => Promise.resolve(undefined),
      cleanCache: () => Promise.resolve(undefined),
      clientScript: () => Promise.reject(new Error("no script is made here")),
      commands: {},
    };
  }
}

/** Adds sequence numbers and times to events. */
export function stamped(bodies: readonly EventBody[]): SimmerEvent[] {
  return bodies.map((body, index) => ({ ...body, seq: index + 1, time: 0 }));
}

/** Returns the events of a build of one task. */
export function oneTask(exitCode = 0, pid = 100): EventBody[] {
  const build = "b1";
  const counts = { cached: 0, cancelled: 0, skipped: 0, total: 1 };
  const isGood = exitCode === 0;
  const failure = { task: "hello", exitCode, logPath: "/p/hello.log" };
  return [
    {
      type: "BuildStarted",
      build,
      requested: ["hello"],
      total: 1,
      jobs: 2,
      client: { pid, command: "simmer run hello" },
    },
    {
      type: "TaskQueued",
      build,
      task: "hello",
      name: "hello",
      dependencies: [],
      prefixed: false,
    },
    {
      type: "TaskStarted",
      build,
      task: "hello",
      name: "hello",
      command: "echo hello",
      cwd: "/p",
      prefixed: false,
    },
    { type: "TaskOutput", build, task: "hello", stream: "stdout", text: "hello\n" },
    isGood
      ? { type: "TaskSucceeded", build, task: "hello", durationMs: 5 }
      : { type: "TaskFailed", build, durationMs: 5, ...failure },
    {
      type: "BuildCompleted",
      build,
      outcome: isGood ? "succeeded" : "failed",
      exitCode,
      counts: { ...counts, succeeded: isGood ? 1 : 0, failed: isGood ? 0 : 1 },
      durationMs: 6,
      failures: isGood ? [] : [failure],
    },
    isGood
      ? { type: "CommandCompleted", command: "runTasks", build }
      : { type: "CommandExit", command: "runTasks", build, exitCode },
  ];
}
