/**
 * Changes that the full view makes: it runs tasks, cancels builds, and types into tasks. Each action has a
 * connection of its own, so that the view does not occupy a server that admits one client at a time.
 *
 * @module
 */

import { parentFolder } from "../../system/files/files.ts";
import type { TaskDescription, TerminalSize } from "../../wire/command_types.ts";
import { VERSION } from "../../wire/hello.ts";
import { keyboardInput } from "../args/run_input.ts";
import { serverLimits } from "../args/server_limits.ts";
import { reachRunning, type ServerPlace } from "../connect/find_server.ts";
import { openSession } from "../connect/open_session.ts";
import { noServer, withServer } from "../connect/with_server.ts";
import { ClientError, EXIT } from "../errors.ts";
import type { Invocation } from "../invocation.ts";
import type { SocketSession } from "../session.ts";
import type { Task } from "./builds.ts";

/** Limits of a server, none of which the command line has named. */
const DEFAULT_LIMITS = {
  timeout: undefined,
  "max-rss": undefined,
  "max-servers": undefined,
} as const;

/** Options of {@linkcode Controls}. */
interface ControlsOptions {
  readonly invocation: Invocation;
  readonly place: ServerPlace;
  /** Returns the version of the server. */
  readonly version: () => string | undefined;
  /** Prints a message for the person. */
  readonly say: (text: string) => void;
}

/** Changes builds. All methods throw a `ClientError` or a `WireError` if the server refuses. */
export class Controls {
  readonly #options: ControlsOptions;
  /** Connection through which keys are sent, while the person types. */
  #typing: Promise<SocketSession> | undefined;

  constructor(options: ControlsOptions) {
    this.#options = options;
  }

  /**
   * Runs a task again, as a new build that goes on when the view is left.
   *
   * @param size size of the task's terminal
   * @returns the id of the build
   */
  async run(task: Pick<Task, "name" | "package" | "cwd">, size: TerminalSize): Promise<string> {
    const { invocation } = this.#options;
    const { env, pid } = invocation;
    await using session = await this.#open();
    const output = { output: size };
    const reply = await session.call("runTasks", {
      tasks: [task.name],
      cwd: task.cwd ?? await this.#folderOf(session, task),
      env: { ...env },
      force: true,
      detach: true,
      stdinPid: pid,
      ...output,
      ...keyboardInput(invocation, output),
      client: { pid, command: `${invocation.commandLine} (${task.name})` },
    });
    return (reply as { readonly build: string }).build;
  }

  /** Cancels a build. Returns false if it has already ended. */
  async cancel(build: string): Promise<boolean> {
    const { invocation, place } = this.#options;
    const cancelled = await withServer(
      invocation,
      place,
      async ({ session }) => await session.call("cancelBuild", { build }) === true,
      { quiet: true },
    );
    if (cancelled === undefined) throw noServer(place);
    return cancelled;
  }

  /** Sends keys to the task of a build that has the keyboard. Returns false if none has it. */
  async type(build: string, keys: Uint8Array): Promise<boolean> {
    const params = { build, keys: keys.toBase64() };
    const typing = this.#typing ??= this.#open();
    try {
      return await (await typing).call("useTerminal", params) === true;
    } catch (error) {
      if (this.#typing === typing) this.#typing = undefined;
      throw error;
    }
  }

  /** Closes the connection for keys. */
  async stopTyping(): Promise<void> {
    const typing = this.#typing;
    this.#typing = undefined;
    const [opened] = await Promise.allSettled([typing]);
    if (opened.status === "fulfilled") await opened.value?.close();
  }

  /** Changes the size of the terminals of a build's tasks. */
  async resize(build: string, size: TerminalSize): Promise<void> {
    await using session = await this.#open();
    await session.call("useTerminal", { build, size });
  }

  async #open(): Promise<SocketSession> {
    const { invocation, place, version, say } = this.#options;
    const { env, clock, pid, commandLine } = invocation;
    const theirs = version();
    if (theirs !== undefined && theirs !== VERSION) {
      throw new ClientError(
        EXIT.refused,
        `the server is simmer ${theirs} and this view is ${VERSION}: it can only look on`,
      );
    }
    const { session, hello } = await openSession(place, {
      env,
      clock,
      ...serverLimits(invocation, DEFAULT_LIMITS),
      say,
      role: "controller",
      whenBusy: "wait",
      builds: "own",
      client: { pid, command: commandLine },
      reach: async () => {
        const channel = await reachRunning(place, clock);
        if (channel === undefined) throw noServer(place);
        return channel;
      },
    }, () => undefined);
    if (hello.role === "controller") return session;
    await session.close();
    const { command = "another client", pid: holder = 0 } = hello.queue?.holder ?? {};
    throw new ClientError(
      EXIT.refused,
      `'${command}' (pid ${holder}) controls the server, which admits one client at a time: wait ` +
        "until it has ended",
    );
  }

  /** Returns the folder of a task that has not been started yet. */
  async #folderOf(session: SocketSession, task: Pick<Task, "name" | "package">): Promise<string> {
    const { root } = this.#options.place.project;
    if (task.package === undefined) return root;
    const tasks = await session.call("listTasks", { recursive: true }) as TaskDescription[];
    const found = tasks.find((each) => each.name === task.name && each.package === task.package);
    return found === undefined ? root : parentFolder(found.file);
  }
}
