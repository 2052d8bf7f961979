/**
 * Asks another server of the user to end, because there are too many servers.
 *
 * @module
 */

import { LockFile } from "../../lock/lock_file.ts";
import { type StatePaths, statePaths } from "../../project/state.ts";
import type { Clock } from "../../system/clock.ts";
import { isSystemError } from "../../system/files/files.ts";
import type { Channel } from "../../rpc/channel.ts";
import { BacklogError } from "../../system/net/unix_socket.ts";
import type { RetireParams } from "../../wire/commands.ts";
import { WireError } from "../../wire/errors.ts";
import type { ClientInfo } from "../../wire/events.ts";
import { ClientError, preventsServer, ServerEndedError } from "../errors.ts";
import { dialServer } from "./find_server.ts";
import { openOperator } from "./open_session.ts";
import { AnswerDeadline } from "./with_server.ts";

/** Milliseconds for an answer, and then for the end. No one waits for this server's work. */
const ANSWER_MS = 2000;

/**
 * Result of a request to end:
 *
 * - `ended`: the server has ended, or is about to
 * - `absent`: no server runs for the project
 * - `in use`: the server goes on, because it has a client or was used meanwhile, or because its
 *   version does not know the request
 * - `no answer`: the server did not answer in time, or may not be contacted
 */
export type RetireOutcome = "ended" | "absent" | "in use" | "no answer";

/** Parameters of {@linkcode retireServer}. */
export interface RetireOptions extends RetireParams {
  readonly clock: Clock;
  /** The asking server. */
  readonly client: ClientInfo;
}

/**
 * Asks the server of a project to end, through its own socket and with the checks of every client.
 *
 * @param root root folder of the project, absolute
 */
export async function retireServer(root: string, options: RetireOptions): Promise<RetireOutcome> {
  const paths = statePaths(root);
  try {
    const stream = await dialServer(paths);
    if (stream !== undefined) return await ask(stream, paths, options);
    return LockFile.probe(paths.lock) === "held" ? "ended" : "absent";
  } catch (error) {
    if (error instanceof BacklogError || preventsServer(error)) return "no answer";
    if (error instanceof ClientError || isSystemError(error)) return "no answer";
    throw error;
  }
}

async function ask(
  stream: Channel,
  paths: StatePaths,
  { clock, client, unusedSince, reason }: RetireOptions,
): Promise<RetireOutcome> {
  const deadline = new AnswerDeadline(clock, ANSWER_MS);
  deadline.begin(stream);
  const redial = async (): Promise<Channel | undefined> => {
    const next = await dialServer(paths);
    deadline.begin(next);
    return next;
  };
  const operator = { clock, say: () => {}, client, features: ["housekeeping"] as const };
  try {
    const { session } = await openOperator(stream, operator, redial);
    await using _session = session;
    if (await session.call("retireServer", { unusedSince, reason }) !== true) return "in use";
    // The next request for the limit finds the result of this one.
    deadline.begin();
    await session.ended;
    return "ended";
  } catch (error) {
    if (deadline.isOver) return "no answer";
    if (error instanceof ServerEndedError) return "ended";
    if (error instanceof WireError) return "in use";
    throw error;
  } finally {
    deadline.stop();
  }
}
