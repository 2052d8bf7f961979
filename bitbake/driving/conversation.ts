/**
 * A client's conversation with BitBake's server, in the order of BitBake's own client: features,
 * configuration, the variables that decide what is shown, event mask, then the action.
 *
 * Without `updateConfig` before them, most commands fail on a server that has not read its
 * configuration yet; with other features than BitBake's own, the next `bitbake` would have to parse
 * everything again.
 *
 * @module
 */

import type { RunTasksInput } from "../../wire/commands.ts";
import { PyDict, type PyValue } from "../pickle/mod.ts";
import {
  type BuildOptions,
  type Caller,
  DEBUG,
  NOTE,
  type ServerFacts,
  updateConfigArguments,
} from "./client_configuration.ts";
import type { BitbakeLink } from "./connection.ts";
import { ReplyError, wireErrorOf } from "./reply_error.ts";

/**
 * The features of BitBake's usual client: events of sanity checks, and the history of variables.
 * A server whose features change reads its configuration again.
 */
const FEATURES: readonly number[] = [2, 1];

/** The variables that BitBake's client asks for between `updateConfig` and the event mask. */
const DISPLAY_VARIABLES = [
  ["getVariable", "BBINCLUDELOGS"],
  ["getVariable", "BBINCLUDELOGS_LINES"],
  ["getSetVariable", "BB_CONSOLELOG"],
  ["getSetVariable", "BB_LOGCONFIG"],
] as const;

/** The task of targets that name none, if the server has no other default. */
const DEFAULT_TASK = "build";

/** Commands that the server carries out without its configuration. */
const NEED_NO_CONFIGURATION: ReadonlySet<string> = new Set(["ping", "setFeatures", "updateConfig"]);

/** What a conversation needs. */
interface ConversationOptions {
  readonly link: BitbakeLink;
  readonly caller: Caller;
  readonly server: ServerFacts;
  /** The server's own log file, if that is known. */
  readonly log: string | undefined;
  /** The errors that the server has logged so far, first one first. */
  readonly logged: () => readonly string[];
}

/** Speaks with a server. */
export class Conversation {
  /** Whether debug messages are wanted; to be set before the first command. */
  wantsDebug = false;
  readonly #options: ConversationOptions;
  #isConfigured = false;

  /** @param options the link is the caller's to close */
  constructor(options: ConversationOptions) {
    this.#options = options;
  }

  /** Says what this client can do; the server answers when no other client is in the way. */
  async greet(): Promise<void> {
    await this.#ask((link) => link.greet(FEATURES));
  }

  /**
   * Sends the caller's configuration and asks for events. The first time only.
   *
   * @throws {WireError} if the server can't read its configuration
   */
  async configure(): Promise<void> {
    if (this.#isConfigured) return;
    await this.#updateConfig(undefined);
    await this.#prepare();
  }

  /**
   * Starts a build, which ends with an event.
   *
   * @param begun called when the server has taken the configuration
   * @throws {WireError} if the server refuses
   */
  async build(input: RunTasksInput, begun: () => void): Promise<void> {
    const { caller } = this.#options;
    await this.#updateConfig(input, { ...caller, env: input.env });
    begun();
    await this.#prepare();
    const task = await this.#call("getVariable", "BB_DEFAULT_TASK");
    const command = typeof task === "string" && task !== "" ? task : DEFAULT_TASK;
    await this.#call("setConfig", "cmd", command);
    await this.#call("buildTargets", [...input.tasks], command);
  }

  /**
   * Sends a command as it is.
   *
   * @throws {WireError} if the server answers an error, or is gone
   */
  async call(name: string, ...args: readonly PyValue[]): Promise<PyValue> {
    if (!NEED_NO_CONFIGURATION.has(name)) await this.configure();
    return await this.#call(name, ...args);
  }

  async #updateConfig(
    build: BuildOptions | undefined,
    caller = this.#options.caller,
  ): Promise<void> {
    const { server } = this.#options;
    const args = updateConfigArguments(caller, server, this.#logLevel, build);
    await this.#call("updateConfig", ...args);
  }

  async #prepare(): Promise<void> {
    if (this.#isConfigured) return;
    for (const [command, variable] of DISPLAY_VARIABLES) await this.#call(command, variable);
    const handler = await this.#ask((link) => link.handler());
    await this.#call("setEventMask", handler, this.#logLevel, new PyDict(), ["*"]);
    this.#isConfigured = true;
  }

  get #logLevel(): number {
    return this.wantsDebug ? DEBUG : NOTE;
  }

  #call(name: string, ...args: readonly PyValue[]): Promise<PyValue> {
    return this.#ask((link) => link.call(name, ...args));
  }

  /** Asks the server, and says its errors as BitBake's. */
  async #ask<T>(question: (link: BitbakeLink) => Promise<T>): Promise<T> {
    const { link, logged, log } = this.#options;
    const before = logged().length;
    try {
      return await question(link);
    } catch (error) {
      if (!(error instanceof ReplyError)) throw error;
      // The records that explain the error were sent before it, by another pipe.
      await link.settled();
      throw wireErrorOf(error, logged().slice(before), log);
    }
  }
}
