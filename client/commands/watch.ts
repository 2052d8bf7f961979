/**
 * `simmer watch`: runs tasks, and runs them again after each change of an input.
 *
 * One session observes the server and receives the changes. Each run opens a session of its own, so
 * that other clients get their turn between two runs.
 *
 * @module
 */

import { pathInside } from "../../system/files/files.ts";
import { signalExitCode } from "../../system/process/signals.ts";
import type { RunTasksInput } from "../../wire/commands.ts";
import { WireError } from "../../wire/errors.ts";
import type { ParsedArguments, ValuesFor } from "../args/arguments.ts";
import { runBuild } from "../build/build.ts";
import { defineCommand } from "../command.ts";
import { openSession } from "../connect/open_session.ts";
import { EXIT, reportOf, ServerEndedError } from "../errors.ts";
import type { Invocation } from "../invocation.ts";
import { reachServer, type ServerPlace, serverPlace } from "../connect/find_server.ts";
import { brokenExit } from "../output.ts";
import { OUTPUT_OPTIONS, rendererFor } from "../render/choose.ts";
import type { Renderer } from "../render/renderer.ts";
import { outputInput, runInput, SELECTION_OPTIONS } from "../args/run_input.ts";
import type { SocketSession } from "../session.ts";
import { LIMIT_OPTIONS, serverLimits } from "../args/server_limits.ts";

/** The maximum number of changed files that a message names. */
const MAX_NAMED = 3;

const OPTIONS = [
  ...SELECTION_OPTIONS,
  {
    name: "keep-going",
    letter: "k",
    kind: "flag",
    summary: "keep running tasks that do not depend on a failed task",
  },
  ...OUTPUT_OPTIONS,
  ...LIMIT_OPTIONS,
] as const;

type Parsed = ParsedArguments<ValuesFor<typeof OPTIONS>>;

/** The `simmer watch` command. */
export const command = defineCommand({
  name: "watch",
  usage: "TASK… [-- ARG…]",
  summary: "Run tasks, and rerun them when an input changes",
  about: [
    'Inputs are the "files" that the tasks and their dependencies declare. If none of them declares\n' +
    '"files", all files in their folders are inputs, except for changes while the tasks run. A change\n' +
    "during a run cancels the tasks that it makes stale. A change of the config file counts, too.",
    "Ctrl-C stops watching.",
  ],
  options: OPTIONS,
  words: { min: 1, max: Infinity },
  takesRest: true,
  examples: [["simmer watch test", "rerun the tests after each change"]],
}, async (invocation, parsed) => {
  const { values } = parsed;
  const renderer = await rendererFor(invocation, values);
  const input = {
    ...await runInput(invocation, parsed, (text) => renderer.say(text)),
    keepGoing: values["keep-going"],
    noPrefix: values["no-prefix"],
    watched: true,
    ...outputInput(invocation, values),
  };
  const place = serverPlace(invocation, values);
  return await new Watch({ invocation, place, values, renderer, input }).run();
});

interface WatchOptions {
  readonly invocation: Invocation;
  readonly place: ServerPlace;
  readonly values: Parsed["values"];
  readonly renderer: Renderer;
  readonly input: RunTasksInput;
}

class Watch {
  readonly #options: WatchOptions;
  readonly #left = new AbortController();
  #change = Promise.withResolvers<string>();
  #count = 0;
  #exitCode: number | undefined;
  #isRunning = false;
  #session: SocketSession | undefined;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  async run(): Promise<number> {
    const { invocation } = this.#options;
    using signals = new DisposableStack();
    for (const signal of ["SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP"] as const) {
      signals.use(invocation.onSignal(signal, () => {
        this.#exitCode ??= signalExitCode(signal);
        // A running build handles the signal itself.
        if (!this.#isRunning) this.#left.abort(new Left());
      }));
    }
    invocation.output.broken.then((error) => {
      this.#exitCode ??= brokenExit(error);
      this.#left.abort(new Left());
    });
    try {
      while (true) {
        try {
          return await this.#untilEnd();
        } catch (error) {
          if (!(error instanceof ServerEndedError) || !error.mayRenew) throw error;
          this.#options.renderer.say(`${error.message} Starting a new server.`);
        }
      }
    } catch (error) {
      if (error instanceof Left) return this.#exitCode ?? EXIT.interrupted;
      throw error;
    }
  }

  /** Watches until the server ends or the client leaves. */
  async #untilEnd(): Promise<number> {
    const { session } = await openSession(
      this.#options.place,
      this.#openOptions(),
      () => undefined,
    );
    await using _session = session;
    this.#session = session;
    session.onEvent((event) => {
      if (event.type === "InputsChanged" && event.watch === this.#name) {
        this.#change.resolve(named(event.files));
      } else if (event.type === "InputsWritten" && event.watch === this.#name) {
        const what = `${named(event.files)} changed in each run, so the tasks seem to write it`;
        this.#options.renderer.warn(`${what}: simmer does not rerun them for this change`);
      } else if (event.type === "ConfigChanged") {
        const { root } = this.#options.place.project;
        this.#change.resolve(named(event.files.map((path) => pathInside(root, path) ?? path)));
      }
    });
    return await Promise.race([
      this.#rounds(session),
      session.ended.then((error) => Promise.reject(error)),
      rejected(this.#left.signal),
    ]);
  }

  /**
   * The name of the current `watchInputs` call. Events of an earlier call are late and are ignored.
   */
  get #name(): string {
    return `${this.#options.invocation.pid}-${this.#count}`;
  }

  /**
   * Runs rounds until the user ends the watch or the session is replaced. The result is ignored
   * after a replacement.
   */
  async #rounds(session: SocketSession): Promise<number> {
    const { renderer } = this.#options;
    while (this.#session === session) {
      this.#count++;
      this.#change = Promise.withResolvers<string>();
      await this.#round(session);
      if (this.#exitCode !== undefined) return this.#exitCode;
      renderer.say("watching for changes; Ctrl-C stops");
      const what = await this.#change.promise;
      renderer.say(`${what} changed: running again`);
    }
    return EXIT.ok;
  }

  async #round(session: SocketSession): Promise<void> {
    const { invocation, place, values, renderer, input } = this.#options;
    const outdated = new AbortController();
    this.#change.promise.then(() => outdated.abort());
    /** Resolves with the error of `watchInputs`, or with `undefined`. */
    let waiting: Promise<unknown> = Promise.resolve();
    let hasRun = false;
    this.#isRunning = true;
    try {
      await runBuild({ ...invocation, startedAt: invocation.clock.monotonic() }, {
        place,
        input,
        whenBusy: "wait",
        renderer,
        limits: serverLimits(invocation, values),
        reach: (start) => reachServer(place, start),
        outdated: outdated.signal,
        began: (build) => {
          waiting = session.call("watchInputs", { ...input, watch: this.#name, build })
            .then(() => undefined, (error: unknown) => error);
        },
      });
      // Signals after the build are handled by the watch.
      this.#isRunning = false;
      hasRun = true;
      const error = await waiting;
      if (error !== undefined) throw error;
    } catch (error) {
      // The user can fix an invalid project while the watch goes on. In the first round the error
      // ends the watch, because the task names may be wrong.
      const isFirst = this.#count === 1 && !hasRun;
      if (!(error instanceof WireError) || !error.is("projectError") || isFirst) throw error;
      for (const line of reportOf(error)?.lines ?? []) renderer.say(line);
    } finally {
      this.#isRunning = false;
    }
  }

  #openOptions(): Parameters<typeof openSession>[1] {
    const { invocation, values, renderer, input } = this.#options;
    return {
      env: invocation.env,
      clock: invocation.clock,
      ...serverLimits(invocation, values),
      signal: this.#left.signal,
      say: (text) => renderer.say(text),
      warn: (text) => renderer.warn(text),
      role: "observer",
      client: input.client,
    };
  }
}

/** The client leaves. */
class Left extends Error {}

function rejected(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => {});
  signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  return promise;
}

/** Formats the names of changed files for a message. */
function named(files: readonly string[]): string {
  const more = files.length - MAX_NAMED;
  return files.slice(0, MAX_NAMED).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
