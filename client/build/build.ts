/**
 * Client side of a build: requests it, shows it, cancels it, and determines the exit code.
 *
 * @module
 */

import type { RunTasksInput, ServerStatus, TerminalUse } from "../../wire/commands.ts";
import type { LogLevel } from "../../wire/events.ts";
import type { Feature, QueuePlace, WhenBusy } from "../../wire/hello.ts";
import type { TaskSignal } from "../../wire/signals.ts";
import { WireError } from "../../wire/errors.ts";
import { signalExitCode } from "../../system/process/signals.ts";
import { isServerGoing, type OpenOptions, openSession } from "../connect/open_session.ts";
import { WAYS_OUT } from "../connect/patience.ts";
import { EXIT } from "../errors.ts";
import { BuildFollower, type KeyboardEvent } from "./follower.ts";
import { Interrupts } from "./interrupts.ts";
import type { Invocation } from "../invocation.ts";
import type { ServerPlace } from "../connect/find_server.ts";
import { brokenExit } from "../output.ts";
import type { LiveView, Renderer } from "../render/renderer.ts";
import type { ServerLimits } from "../args/server_limits.ts";
import type { SocketSession } from "../session.ts";

/** The maximum number of requests for a build whose server ends before the build begins. */
const MAX_TRIES = 4;
/** Milliseconds that a suspended client waits for the server to suspend the tasks. */
const SUSPEND_MS = 1000;
/** Milliseconds between two updates of the live view, for example of the times in it. */
const REFRESH_MS = 250;

/** The parameters of a build request. */
interface BuildRequest {
  readonly place: ServerPlace;
  readonly input: RunTasksInput;
  readonly whenBusy: WhenBusy;
  /** The log level of the event mask, if it is not the default. */
  readonly logLevel?: LogLevel;
  readonly renderer: Renderer;
  readonly limits: ServerLimits;
  /** Connects to a server. */
  readonly reach: NonNullable<OpenOptions["reach"]>;
  readonly elsewhere?: NonNullable<OpenOptions["elsewhere"]>;
  /**
   * Called if a task needs a descriptor of this process that the server cannot pass on. Returns
   * true if `reach` connects to a server in this process from now on. If absent, it does not.
   */
  readonly inherit?: () => boolean;
  /**
   * Aborted when the build's result is outdated. The client then cancels the build without a
   * message.
   */
  readonly outdated?: AbortSignal;
  /** Called with the build's id when the server has begun the build. */
  readonly began?: (build: string) => void;
}

/** Messages about a signal that cancels a build, by the signal that the tasks get. */
const CANCELLING: Readonly<Partial<Record<TaskSignal | "SIGKILL", string>>> & {
  readonly SIGINT: string;
} = {
  SIGINT: "cancelling: waiting for the tasks to end; Ctrl-C again sends SIGTERM, then SIGKILL",
  SIGTERM: "waiting for the tasks to end after SIGTERM; Ctrl-C again kills them",
  SIGKILL: "killing the tasks; Ctrl-C once more leaves them to the server",
};

/** Runs a build to its end and returns the exit code. */
export async function runBuild(invocation: Invocation, request: BuildRequest): Promise<number> {
  return await new Build(invocation, request).run();
}

/** Thrown when the client leaves before the build has ended. */
class Leaving extends Error {
  constructor(readonly exitCode: number) {
    super("leaving");
  }
}

type Outcome<T> = { readonly value: T } | { readonly error: unknown };

class Build {
  readonly #invocation: Invocation;
  readonly #request: BuildRequest;
  readonly #follower: BuildFollower;
  readonly #interrupts: Interrupts;
  /** Aborted with a {@linkcode Leaving} when this client leaves. */
  readonly #left = new AbortController();
  readonly #hasLeft: Promise<never>;
  #session: SocketSession | undefined;
  /** True if a task reads the keys of this client's terminal. */
  #hasKeyboard = false;
  /** True if the tasks read this process's stdin. */
  #passesStdin = true;
  /** True if the build has been requested and it is this client's turn. */
  #isAsked = false;
  /** True if this client has waited in the queue. */
  #hasWaited = false;
  /**
   * Start time of the client. `undefined` once it has been used: each further session may wait for
   * the full time again.
   */
  #startedAt: number | undefined;

  constructor(invocation: Invocation, request: BuildRequest) {
    this.#invocation = invocation;
    this.#request = request;
    this.#startedAt = invocation.startedAt;
    const { renderer } = request;
    const { output } = invocation;
    this.#follower = new BuildFollower({
      renderer,
      output,
      onKeyboard: (event) => this.#onKeyboard(event),
    });
    this.#interrupts = new Interrupts({
      now: () => invocation.clock.monotonic(),
      isRunning: () => this.#isAsked,
      isHungUp: () => invocation.terminal.isHungUp(),
      cancel: (signal) => this.#cancel(signal),
      suspend: () => this.#suspend(),
      pass: (signal) => this.#pass(signal),
      leave: () => this.#leave(this.#interrupts.exitCode ?? EXIT.interrupted),
      exit: (code) => invocation.exit(code),
    });
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => {});
    this.#hasLeft = promise;
    this.#left.signal.addEventListener("abort", () => reject(this.#left.signal.reason));
  }

  async run(): Promise<number> {
    const { output } = this.#invocation;
    const { renderer } = this.#request;
    const { onSignal, onGone } = this.#invocation;
    using _signals = this.#interrupts.listen(onSignal, onGone);
    const over = new AbortController();
    const { live } = renderer;
    output.beforeDrain = () => live?.refresh();
    const refreshing = live === undefined ? undefined : this.#keepFresh(live, over.signal);
    output.broken.then((error) => {
      // The SIGHUP of a closed terminal may arrive after the write error.
      if (this.#invocation.terminal.isHungUp()) this.#interrupts.receive("SIGHUP");
      else this.#leave(brokenExit(error));
    });
    try {
      return await this.#untilDone();
    } catch (error) {
      if (error instanceof Leaving) return error.exitCode;
      if (this.#interrupts.exitCode !== undefined) return this.#interrupts.exitCode;
      throw error;
    } finally {
      over.abort("over");
      renderer.finish();
      output.beforeDrain = undefined;
      const { keyboard } = this.#invocation;
      if (this.#hasKeyboard && keyboard !== undefined) output.perform(() => keyboard.release());
      await refreshing;
    }
  }

  async #untilDone(): Promise<number> {
    for (let tries = 1;; tries++) {
      try {
        return await this.#once();
      } catch (error) {
        if (
          error instanceof WireError && error.is("needsInheritance") && this.#isForInheritance()
        ) {
          continue;
        }
        const isLost = this.#follower.hasBegun || this.#interrupts.exitCode !== undefined;
        const isNamed = this.#request.place.socket !== undefined;
        if (isLost || isNamed || tries === MAX_TRIES || !isServerGoing(error)) throw error;
      }
    }
  }

  /**
   * Prepares a retry of a build in which a task inherits this process's descriptors. Returns false
   * if a retry would not help.
   */
  #isForInheritance(): boolean {
    if (this.#interrupts.exitCode !== undefined) return false;
    if (this.#request.inherit?.() === true) return true;
    if (!this.#passesStdin) return false;
    this.#passesStdin = false;
    this.#request.renderer.warn("the server cannot pass stdin on: the tasks read an empty stdin");
    return true;
  }

  async #once(): Promise<number> {
    const { place, input, whenBusy, logLevel, began, outdated } = this.#request;
    const opened = await openSession(place, this.#openOptions(), (session) => this.#ask(session));
    const { session, hello, first: asked } = opened;
    await using _session = session;
    this.#session = session;
    if (hello.queue !== undefined) this.#takeTurn(hello.queue);
    if (hello.role === "observer") return await this.#watch(session);
    // There was no build to observe, so this client runs its own.
    if (whenBusy === "observe") {
      settled(session.call("setEventMask", { logLevel, builds: "own" }));
    }
    this.#isAsked ||= session.role === "controller";
    const reply = await Promise.race([asked, this.#hasLeft]);
    if ("error" in reply) throw reply.error;
    const { build } = reply.value as { readonly build: string };
    this.#follower.follow(build);
    began?.(build);
    if (outdated?.aborted === true) settled(session.cancel(false));
    else outdated?.addEventListener("abort", () => settled(session.cancel(false)), { once: true });
    if (input.detach === true) {
      this.#invocation.output.write("stdout", `${build}\n`);
      return EXIT.ok;
    }
    return await this.#untilEnd(session);
  }

  #openOptions(): OpenOptions {
    const { env, clock } = this.#invocation;
    const startedAt = this.#startedAt;
    this.#startedAt = undefined;
    const { input, whenBusy, renderer, limits, reach, elsewhere } = this.#request;
    const features: readonly Feature[] = whenBusy === "wait" ? ["queueCommands"] : [];
    return {
      env,
      clock,
      ...limits,
      signal: this.#left.signal,
      say: (text) => renderer.say(text),
      warn: (text) => renderer.warn(text),
      ...(startedAt === undefined ? {} : { startedAt }),
      role: "controller",
      whenBusy,
      features,
      builds: whenBusy === "observe" ? "all" : "own",
      client: input.client,
      reach,
      ...(elsewhere === undefined ? {} : { elsewhere }),
    };
  }

  /** Sends the build's command in the same write as the hello. */
  #ask(session: SocketSession): Promise<Outcome<unknown>> {
    const { input: { stdinPid, ...rest }, logLevel } = this.#request;
    const input = this.#passesStdin && stdinPid !== undefined ? { ...rest, stdinPid } : rest;
    this.#isAsked = false;
    session.onTurn((turn) => this.#takeTurn(turn));
    session.onEvent((event) => this.#follower.take(event));
    if (logLevel !== undefined) settled(session.call("setEventMask", { logLevel }));
    // Behind a detached build, this client is not in the queue and gets no other report.
    const advice = `perhaps for another build: ${this.#waysOut}`;
    return settled(session.call("runTasks", input, { mayQueue: true, advice }));
  }

  async #untilEnd(session: SocketSession): Promise<number> {
    const ended = session.ended.then((error) => Promise.reject(error));
    const end = await Promise.race([this.#follower.end, ended, this.#hasLeft]);
    const isOutdated = this.#request.outdated?.aborted === true;
    const isOthers = this.#interrupts.exitCode === undefined && !isOutdated;
    if (end.outcome === "cancelled" && isOthers) {
      this.#request.renderer.say("the build was cancelled");
    }
    return end.exitCode;
  }

  /** Shows the build of another client. */
  async #watch(session: SocketSession): Promise<number> {
    const { builds: [oldest], clients } = await session.call("status") as ServerStatus;
    this.#follower.follow(oldest?.build ?? "first");
    const holder = oldest?.client ?? clients.find((client) => client.role === "controller");
    const whose = holder === undefined ? "" : ` of '${holder.command}' (pid ${holder.pid})`;
    this.#request.renderer.say(`watching the build${whose}`);
    return await this.#untilEnd(session);
  }

  #takeTurn(turn: QueuePlace | "controller"): void {
    if (turn === "controller") {
      this.#isAsked = true;
      return;
    }
    const { holder: { pid, command, busyWith }, position } = turn;
    const doing = busyWith === undefined ? "" : `, busy with ${busyWith}`;
    const place = position === 1 ? "next" : `number ${position}`;
    this.#request.renderer.say(
      `waiting for '${command}' (pid ${pid}${doing}): ${place} in the queue`,
    );
    if (!this.#hasWaited) this.#request.renderer.say(`instead of waiting: ${this.#waysOut}`);
    this.#hasWaited = true;
  }

  get #waysOut(): string {
    return this.#request.place.isBitbake === true ? "Ctrl-C gives up" : WAYS_OUT;
  }

  #cancel(signal: TaskSignal | "SIGKILL"): void {
    this.#request.renderer.say(CANCELLING[signal] ?? CANCELLING.SIGINT);
    this.#signalTasks(signal, true).then((isHeard) => {
      // The server has not begun this build: it waits behind a detached one.
      if (!isHeard) this.#leave(this.#interrupts.exitCode ?? signalExitCode(signal));
    });
  }

  #onKeyboard(event: KeyboardEvent): void {
    const { keyboard, output } = this.#invocation;
    if (keyboard === undefined || this.#request.input.keyboard === undefined) return;
    if (event.type === "SignalTyped") {
      if (!event.isRepeated) this.#interrupts.restart();
      return keyboard.signal(event.signal);
    }
    this.#hasKeyboard = event.type === "KeyboardTaken";
    output.perform(() =>
      event.type === "KeyboardTaken"
        ? keyboard.take((keys) => this.#useTerminal({ keys: keys.toBase64() }))
        : keyboard.release()
    );
  }

  #useTerminal(use: TerminalUse): void {
    if (this.#session === undefined) return;
    const { keyboard } = this.#invocation;
    void settled(this.#session.call("useTerminal", use)).then(() => keyboard?.answered?.());
  }

  #pass(signal: TaskSignal): void {
    const { terminal } = this.#invocation;
    const { live } = this.#request.renderer;
    if (signal === "SIGWINCH") live?.resized();
    if (signal === "SIGCONT") live?.resume();
    if (signal === "SIGWINCH" && typeof this.#request.input.output === "object") {
      this.#useTerminal({ size: { columns: terminal.columns(), rows: terminal.rows() } });
    }
    // A full-screen program paints its screen again.
    if (signal === "SIGCONT" && this.#hasKeyboard) void this.#signalTasks("SIGWINCH", false);
    this.#signalTasks(signal, false).then((isHeard) => {
      if (!isHeard) this.#interrupts.unheard(signal);
    });
  }

  /** Suspends the tasks first, so that they print nothing after this process has stopped. */
  #suspend(): void {
    const { suspend, clock } = this.#invocation;
    this.#request.renderer.live?.suspend();
    const suspended = this.#signalTasks("SIGTSTP", false);
    // For a command line of another process, that process suspends itself.
    if (suspend === undefined) return;
    const over = new AbortController();
    void Promise.race([suspended, clock.sleep(SUSPEND_MS, over.signal)]).then(() => {
      over.abort();
      suspend();
    });
  }

  /**
   * @returns true if the signal had a receiver, and also if that is unknown, because the session
   *   then ends
   */
  async #signalTasks(signal: TaskSignal | "SIGKILL", cancel: boolean): Promise<boolean> {
    if (this.#session === undefined) return false;
    const asked = await settled(this.#session.call("signalTasks", { signal, cancel }));
    return "error" in asked || asked.value === true;
  }

  #leave(exitCode: number): void {
    this.#left.abort(new Leaving(exitCode));
  }

  async #keepFresh(live: LiveView, over: AbortSignal): Promise<void> {
    const { clock, output } = this.#invocation;
    while (!over.aborted) {
      await clock.sleep(REFRESH_MS, over);
      if (over.aborted) return;
      await live.prepare();
      if (output.settled === undefined) live.refresh();
    }
  }
}

function settled<T>(promise: Promise<T>): Promise<Outcome<T>> {
  return promise.then((value) => ({ value }), (error: unknown) => ({ error }));
}
