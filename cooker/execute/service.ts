/**
 * Runs the command of a service: waits until it is ready, and starts it again after a failure if
 * that is wanted.
 *
 * @module
 */

import type { Clock } from "../../system/clock.ts";
import { isPortOpen, portHolder } from "../../system/net/port_holder.ts";
import type { ServiceSettings } from "../config/service.ts";
import { type Cancellation, CancellationController } from "./cancellation.ts";
import type { Executor, ExitStatus, OutputSink, TaskCommand } from "./executor.ts";

/** Milliseconds between two checks of a port or by a command. */
const CHECK_MS = 100;
/** Number of lines that are shown of a service that has failed. */
const LAST_LINES = 10;
/** Longest part of a line that is searched and shown, in characters. */
const MAX_LINE = 1000;
/** Milliseconds before the first and before any later restart. */
const FIRST_BACKOFF_MS = 1000;
const MAX_BACKOFF_MS = 30_000;
/** Milliseconds after which a service counts as stable: the next failure is a first one again. */
const STABLE_MS = 60_000;

// deno-lint-ignore no-control-regex
const ESCAPES = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])/g;

/** Parameters of a service's run. */
interface ServiceRun {
  readonly command: TaskCommand;
  readonly settings: ServiceSettings;
  readonly executor: Executor;
  readonly clock: Clock;
  readonly sink: OutputSink;
  readonly cancellation: Cancellation;
  /** Called once, when the service is ready. */
  readonly ready: () => void;
}

/** Collects the lines of an output. */
class Lines {
  readonly #decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  readonly #open = { stdout: "", stderr: "" };
  readonly #last: string[] = [];
  readonly #seen: (line: string) => void;

  /** @param seen called with each line, also with the beginning of one that goes on */
  constructor(seen: (line: string) => void) {
    this.#seen = seen;
  }

  /** The last lines that are not empty. */
  get last(): readonly string[] {
    const rest = [this.#open.stdout, this.#open.stderr].filter((line) => line.trim() !== "");
    return [...this.#last, ...rest].slice(-LAST_LINES);
  }

  add(stream: "stdout" | "stderr", bytes: Uint8Array): void {
    const text = this.#decoders[stream].decode(bytes, { stream: true });
    const lines = (this.#open[stream] + text).split(/\r?\n/);
    this.#open[stream] = (lines.pop() ?? "").slice(-MAX_LINE);
    for (const line of lines) {
      const plain = line.slice(0, MAX_LINE).replace(ESCAPES, "");
      this.#seen(plain);
      if (plain.trim() === "") continue;
      this.#last.push(plain);
      if (this.#last.length > LAST_LINES) this.#last.shift();
    }
    this.#seen(this.#open[stream].replace(ESCAPES, ""));
  }
}

/**
 * Runs a service until it ends for good, or until an end was requested and it has ended.
 *
 * @returns the status of its last process. A service that was not ready in time, or that ended
 *   before it was ready, has failed: its code is not 0.
 */
export async function runService(run: ServiceRun): Promise<ExitStatus> {
  const { settings, clock, sink, cancellation, command } = run;
  const { name } = command;
  const taken = await portInUse(settings, cancellation);
  if (taken !== undefined) return { code: 1, reason: taken };
  let backoff = FIRST_BACKOFF_MS;
  let hasBeenReady = false;
  while (true) {
    const startedAt = clock.monotonic();
    const attempt = new Attempt(run, () => {
      if (!hasBeenReady) run.ready();
      hasBeenReady = true;
    });
    const status = await attempt.run();
    if (cancellation.graceful.aborted) return status;
    const mayRestart = settings.restart === "on-failure" && hasBeenReady && status.code !== 0;
    if (!mayRestart) return status;
    if (clock.monotonic() - startedAt >= STABLE_MS) backoff = FIRST_BACKOFF_MS;
    const seconds = backoff / 1000;
    sink.warn(`${name} ${endText(status)}; it is started again in ${seconds} s`);
    await clock.sleep(backoff, cancellation.graceful);
    if (cancellation.graceful.aborted) return status;
    backoff = Math.min(2 * backoff, MAX_BACKOFF_MS);
  }
}

/** One process of a service. */
class Attempt {
  readonly #run: ServiceRun;
  readonly #ready: () => void;
  readonly #own = new CancellationController();
  readonly #over = new AbortController();
  readonly #lines: Lines;
  readonly #matched = Promise.withResolvers<void>();

  constructor(run: ServiceRun, ready: () => void) {
    this.#run = run;
    this.#ready = ready;
    const { output } = run.settings.ready ?? {};
    const pattern = output === undefined ? undefined : new RegExp(output);
    this.#lines = new Lines((line) => {
      if (pattern?.test(line) === true) this.#matched.resolve();
    });
  }

  async run(): Promise<ExitStatus> {
    const { executor, command, sink, cancellation, settings } = this.#run;
    await cancellation.mayStart();
    using _linked = this.#link(cancellation);
    const ended = executor.execute(command, {
      write: (stream, bytes) => {
        this.#lines.add(stream, bytes);
        return sink.write(stream, bytes);
      },
      warn: (message) => sink.warn(message),
      tagged: (tag) => sink.tagged?.(tag),
    }, this.#own);
    const isReady = this.#isReady();
    const first = await Promise.race([ended.then(() => "ended" as const), isReady]);
    if (first === "ready") this.#ready();
    if (first === "late") this.#own.cancel({ kind: "end" });
    const status = await ended;
    this.#over.abort("over");
    await isReady;
    if (cancellation.graceful.aborted) return status;
    if (first === "late") {
      const reason = `it was not ready within ${settings.timeout} s`;
      return { code: 1, reason, lastLines: this.#lines.last };
    }
    if (first === "ended" && status.reason === undefined) {
      const reason = `it ended with exit code ${status.code} before it was ready`;
      return { ...status, code: status.code || 1, reason, lastLines: this.#lines.last };
    }
    return status.code === 0 ? status : { ...status, lastLines: this.#lines.last };
  }

  /** Passes requests to end, and signals, on to the process. */
  #link(outer: Cancellation): Disposable {
    const stack = new DisposableStack();
    const listen = (signal: AbortSignal, work: () => void): void => {
      if (signal.aborted) return work();
      signal.addEventListener("abort", work, { once: true });
      stack.defer(() => signal.removeEventListener("abort", work));
    };
    stack.use(outer.onSignal((signal) => this.#own.pass(signal)));
    listen(outer.graceful, () => {
      if (!outer.limited.aborted) this.#own.cancel({ kind: "signal", signal: outer.signal });
      else this.#own.cancel({ kind: "end" });
    });
    listen(outer.limited, () => this.#own.cancel({ kind: "end" }));
    listen(outer.forced, () => this.#own.cancel({ kind: "kill" }));
    return stack;
  }

  /** Resolves with `late` after the time limit, and with `over` when the process has ended. */
  async #isReady(): Promise<"ready" | "late" | "over"> {
    const { clock, settings, cancellation } = this.#run;
    const done = new AbortController();
    const stop = AbortSignal.any([this.#over.signal, cancellation.graceful, done.signal]);
    const limit = clock.sleep(settings.timeout * 1000, stop);
    const isReady = await Promise.race([this.#becomesReady(stop), limit.then(() => false)]);
    const result = isReady ? "ready" : stop.aborted ? "over" : "late";
    done.abort("done");
    await limit;
    return result;
  }

  async #becomesReady(stop: AbortSignal): Promise<boolean> {
    const { clock, settings: { ready }, executor, command } = this.#run;
    if (ready === undefined) return true;
    if (ready.output !== undefined) {
      const { promise, resolve } = Promise.withResolvers<void>();
      stop.addEventListener("abort", () => resolve(), { once: true });
      await Promise.race([this.#matched.promise, promise]);
      return !stop.aborted;
    }
    const check = new CancellationController();
    stop.addEventListener("abort", () => check.cancel({ kind: "kill" }), { once: true });
    while (!stop.aborted) {
      if (ready.port !== undefined) {
        if (await isPortOpen(ready.port, stop)) return !stop.aborted;
      } else {
        const { stdinPid: _stdin, lostStdinPid: _lost, ...rest } = command;
        const probe = { ...rest, command: ready.command ?? "", args: [] };
        const { code, leftovers } = await executor.execute(probe, SILENT, check);
        await leftovers?.end(check);
        if (code === 0) return !stop.aborted;
      }
      await clock.sleep(CHECK_MS, stop);
    }
    return false;
  }
}

const SILENT: OutputSink = { write: () => Promise.resolve(), warn: () => {} };

function endText({ code, signal }: ExitStatus): string {
  return signal === undefined ? `ended with exit code ${code}` : `was ended by ${signal}`;
}

/** Returns the reason why a service cannot start, if another process holds its port. */
async function portInUse(
  { ready }: ServiceSettings,
  { graceful }: Cancellation,
): Promise<string | undefined> {
  if (ready?.port === undefined || !await isPortOpen(ready.port, graceful)) return undefined;
  const holder = portHolder(ready.port);
  const whose = holder === undefined
    ? "another process"
    : `'${holder.command}' (pid ${holder.pid})`;
  return `its port ${ready.port} is in use by ${whose}`;
}
