/**
 * Conducts a client's conversation with BitBake's server, in the order of BitBake's own client:
 * features, configuration, the variables that decide what is displayed, event mask, and then the
 * action.
 *
 * Most commands fail if the server has not read its configuration yet, which `updateConfig` makes
 * it do. If the features differ from those of BitBake's own client, the next `bitbake` would have
 * to parse everything again.
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
 * The features of BitBake's usual client: events of sanity checks (2), and the history of variables
 * (1). A server whose features change reads its configuration again.
 */
const FEATURES: readonly number[] = [2, 1];

/** The variables that BitBake's client reads between `updateConfig` and the event mask. */
const DISPLAY_VARIABLES = [
  ["getVariable", "BBINCLUDELOGS"],
  ["getVariable", "BBINCLUDELOGS_LINES"],
  ["getSetVariable", "BB_CONSOLELOG"],
  ["getSetVariable", "BB_LOGCONFIG"],
] as const;

/** The task of targets that name none. Used if the server has no `BB_DEFAULT_TASK`. */
const DEFAULT_TASK = "build";

/** Commands that the server can execute before it has read its configuration. */
const NEED_NO_CONFIGURATION: ReadonlySet<string> = new Set(["ping", "setFeatures", "updateConfig"]);

/** The options of a {@linkcode Conversation}. */
interface ConversationOptions {
  readonly link: BitbakeLink;
  readonly caller: Caller;
  readonly server: ServerFacts;
  /** The path of the server's own log file, if it is known. */
  readonly log: string | undefined;
  /** Errors that the server has logged: their number, and the latest of those after a number. */
  readonly logged: {
    count(): number;
    since(count: number): readonly string[];
  };
}

/** A conversation with one server. */
export class Conversation {
  /** True if the client wants debug messages. Must be set before the first command. */
  wantsDebug = false;
  readonly #options: ConversationOptions;
  #isConfigured = false;

  /** @param options the caller closes the link */
  constructor(options: ConversationOptions) {
    this.#options = options;
  }

  /** Sends this client's features. The server answers when no other client is connected. */
  async greet(): Promise<void> {
    await this.#ask((link) => link.greet(FEATURES));
  }

  /**
   * Sends the caller's configuration and the event mask. Later calls do nothing.
   *
   * @throws {WireError} if the server cannot read its configuration
   */
  async configure(): Promise<void> {
    if (this.#isConfigured) return;
    await this.#updateConfig(undefined);
    await this.#prepare();
  }

  /**
   * Starts a build. An event reports its end.
   *
   * @param begun called when the server has accepted the configuration
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
   * Sends a command unchanged. Configures the server first if the command needs that.
   *
   * @throws {WireError} if the server answers with an error, or is gone
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

  /** Calls the server, and turns its error replies into BitBake errors for the client. */
  async #ask<T>(question: (link: BitbakeLink) => Promise<T>): Promise<T> {
    const { link, logged, log } = this.#options;
    const before = logged.count();
    try {
      return await question(link);
    } catch (error) {
      if (!(error instanceof ReplyError)) throw error;
      // The log records that explain the error were sent before it, through another pipe.
      await link.settled();
      throw wireErrorOf(error, logged.since(before), log);
    }
  }
}
