/**
 * Opens sessions for commands that query or end a running server and start none.
 *
 * @module
 */

import { type Opened, openOperator } from "./open_session.ts";
import type { Channel } from "../../rpc/channel.ts";
import type { Clock } from "../../system/clock.ts";
import { ClientError, EXIT, ServerEndedError } from "../errors.ts";
import type { Invocation } from "../invocation.ts";
import { reachRunning, searchRunning, type ServerPlace } from "./find_server.ts";

/** The parameters of {@linkcode withServer}. */
export interface OperatorOptions {
  /** Default: `operator`. */
  readonly role?: "operator" | "observer";
  readonly quiet?: boolean;
  /** Milliseconds without an answer until the server counts as hung. Default: the limits of R23. */
  readonly answerMs?: number;
}

/** Ends a conversation if no answer comes in time. */
export class AnswerDeadline {
  readonly #clock: Clock;
  readonly #ms: number | undefined;
  #wait: AbortController | undefined;
  #channel: Channel | undefined;
  #isOver = false;

  /** @param ms if absent, there is no deadline */
  constructor(clock: Clock, ms: number | undefined) {
    this.#clock = clock;
    this.#ms = ms;
  }

  /** True if no answer has come in time. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Starts waiting for an answer on a channel. Closes the channel if none comes in time. */
  begin(channel: Channel | undefined = this.#channel): void {
    this.stop();
    this.#channel = channel;
    if (this.#ms === undefined || channel === undefined) return;
    const wait = new AbortController();
    this.#wait = wait;
    this.#clock.sleep(this.#ms, wait.signal).then(() => {
      if (wait.signal.aborted) return;
      this.#isOver = true;
      channel.close();
    });
  }

  /** Stops waiting, because the answer has come. */
  stop(): void {
    this.#wait?.abort();
    this.#wait = undefined;
  }
}

/**
 * Runs a function with a session to the running server, and closes the session afterwards.
 *
 * @param work may begin and stop the deadline again, which runs from the connection on
 * @returns the result of `work`, or `undefined` if no server runs
 * @throws {SilentServerError} if a server holds the lock and does not answer
 */
export async function withServer<T>(
  invocation: Invocation,
  place: ServerPlace,
  work: (opened: Opened<undefined>, deadline: AnswerDeadline) => Promise<T>,
  { role = "operator", quiet = false, answerMs }: OperatorOptions = {},
): Promise<T | undefined> {
  const { clock, startedAt, pid, commandLine, output } = invocation;
  const found = await searchRunning(place, clock);
  if (found.kind === "between") throw await silentServer(place, clock);
  if (found.kind === "none") return undefined;
  if (found.kind === "elsewhere") {
    throw new ClientError(
      EXIT.refused,
      `the server (pid ${found.pid} there) runs in another container, and its socket is not ` +
        "visible here: run this command there",
    );
  }
  const { channel } = found;
  // A named server has no deadline: BitBake's own may answer late while it is busy.
  const deadline = new AnswerDeadline(clock, place.socket === undefined ? answerMs : undefined);
  deadline.begin(channel);
  const warn = (text: string): void => output.write("stderr", `simmer: ${text}\n`);
  const options = {
    clock,
    startedAt,
    say: (text: string): void => quiet ? undefined : warn(text),
    warn,
    client: { pid, command: commandLine },
  };
  const redial = async (): Promise<Channel | undefined> => {
    const next = await reachRunning(place, clock);
    deadline.begin(next);
    return next;
  };
  try {
    const opened = await opening(openOperator(channel, options, redial, role));
    if (opened !== undefined) {
      await using _session = opened.session;
      return await work(opened, deadline);
    }
  } catch (error) {
    // The deadline closes the channel, which ends the session.
    if (!deadline.isOver || !(error instanceof ServerEndedError)) throw error;
  } finally {
    deadline.stop();
  }
  if (deadline.isOver) throw await silentServer(place, clock);
  return undefined;
}

async function silentServer({ paths }: ServerPlace, clock: Clock): Promise<ClientError> {
  const { silenceOf, SilentServerError } = await import("./silent_server.ts");
  return new SilentServerError(silenceOf(paths), clock.now());
}

/** Returns `undefined` if the server ends during the handshake, because then no server runs. */
async function opening<T>(opened: Promise<T>): Promise<T | undefined> {
  try {
    return await opened;
  } catch (error) {
    if (error instanceof ServerEndedError) return undefined;
    throw error;
  }
}

/** Creates the error of commands that need a running server. */
export function noServer({ project }: ServerPlace): ClientError {
  return new ClientError(
    EXIT.noServer,
    `no server runs for ${project.root}: 'simmer run TASK' or 'simmer serve --detach' starts one`,
  );
}
