/**
 * `simmer stop`: ends the server, and waits until its process has exited.
 *
 * @module
 */

import { readLockContent } from "../../lock/content.ts";
import { LockFile } from "../../lock/lock_file.ts";
import { isProcessAlive } from "../../system/process/processes.ts";
import type { ServerStatus } from "../../wire/commands.ts";
import { defineCommand } from "../command.ts";
import { processName } from "../process_name.ts";
import { ALL_OPTION, allOrServer, forEveryServer } from "../connect/every_server.ts";
import { EXIT, ServerEndedError } from "../errors.ts";
import type { Invocation } from "../invocation.ts";
import { type ServerPlace, serverPlace } from "../connect/find_server.ts";
import { withServer } from "../connect/with_server.ts";
import { ANSWER_MS, killServer, silenceOf, SilentServerError } from "../connect/silent_server.ts";

/** The `simmer stop` command. */
export const command = defineCommand({
  name: "stop",
  usage: "",
  summary: "Stop the server when its builds are done",
  about: [
    "If no server is running, the exit code is 0, too.",
    "With --force, a server that does not answer for 5 s is killed with SIGTERM, and with SIGKILL\n" +
    "2 s later. Its tasks are killed, too.",
  ],
  options: [
    {
      name: "force",
      kind: "flag",
      summary: "cancel the builds; kill a server that does not answer",
    },
    ALL_OPTION,
  ],
  words: { min: 0, max: 0 },
  examples: [["simmer stop --all", "stop all your servers on this machine"]],
}, async (invocation, { values }) => {
  const { output } = invocation;
  const say = (text: string): void => {
    if (!values.quiet) output.write("stderr", `simmer: ${text}\n`);
  };
  if (values.all) {
    if (values.server !== undefined) throw allOrServer();
    const { results: ended, failure } = await forEveryServer(invocation, async (place) => {
      const { root } = place.project;
      const pid = await stopServer(invocation, place, { ...values, whose: ` of ${root}` }, say);
      return pid === undefined ? undefined : { root, pid };
    });
    if (ended.length === 0) say("no server runs");
    if (values.json) output.write("stdout", `${JSON.stringify(ended)}\n`);
    return failure ?? EXIT.ok;
  }
  const place = serverPlace(invocation, values);
  const pid = await stopServer(invocation, place, { ...values, whose: "" }, say);
  if (pid === undefined) say(`no server runs for ${place.project.root}`);
  if (values.json) {
    output.write(
      "stdout",
      `${JSON.stringify({ wasRunning: pid !== undefined, pid: pid === 0 ? undefined : pid })}\n`,
    );
  }
  return EXIT.ok;
});

/** The parameters of stopping a server. */
interface StopOptions {
  readonly force: boolean;
  readonly quiet: boolean;
  /** Identifies the server in messages: ` of ROOT`, or empty if only one is meant. */
  readonly whose: string;
}

/** @returns the process id of the ended server, or `undefined` if none ran */
async function stopServer(
  invocation: Invocation,
  place: ServerPlace,
  options: StopOptions,
  say: (text: string) => void,
): Promise<number | undefined> {
  try {
    return await stopAnswering(invocation, place, options, say);
  } catch (error) {
    const mayKill = options.force && place.socket === undefined;
    if (!mayKill || !(error instanceof SilentServerError)) throw error;
    return await killServer(place.paths, invocation.clock, say);
  }
}

/**
 * @throws {SilentServerError} if the server does not answer within 5 s, or with `--force` does not
 *   end within 5 s
 */
async function stopAnswering(
  invocation: Invocation,
  place: ServerPlace,
  { force, quiet, whose }: StopOptions,
  say: (text: string) => void,
): Promise<number | undefined> {
  const pid = await withServer(invocation, place, async ({ session, hello }, deadline) => {
    // BitBake's own server serves one client at a time, so it cannot be busy for another one.
    // Asking for its status would make it read its configuration first.
    const { busyWith } = place.isBitbake === true
      ? { busyWith: null }
      : await session.call("status") as ServerStatus;
    const server = `the server${whose} (${processName(hello.pid)})`;
    say(
      busyWith !== null && !force
        ? `${server} stops when its builds are done; --force cancels them`
        : `stopping ${server}`,
    );
    try {
      await session.call("terminateServer", { force });
    } catch (error) {
      // The server ended before it answered. That is the intended result.
      if (!(error instanceof ServerEndedError) || deadline.isOver) throw error;
    }
    // With `--force`, the server does not wait for its tasks. It has to end within the time limit
    // of an answer.
    deadline.begin();
    const ended = await session.ended;
    if (deadline.isOver) throw ended;
    return hello.pid;
  }, force ? { quiet, answerMs: ANSWER_MS } : { quiet });
  if (pid !== undefined && place.socket === undefined) {
    await untilGone(invocation, place, pid, force);
  }
  return pid;
}

/**
 * Milliseconds between two checks for a process that is about to exit, and the limit of this wait.
 */
const LOOK_MS = 5;
const EXIT_MS = 5000;

/** Waits until the lock is free or names another server, and the process has exited. */
async function untilGone(
  { clock }: Invocation,
  { paths }: ServerPlace,
  pid: number,
  force: boolean,
): Promise<void> {
  const patience = clock.monotonic() + ANSWER_MS;
  while ((readLockContent(paths.lock)?.pid ?? pid) === pid) {
    if (LockFile.probe(paths.lock) !== "held") break;
    if (force && isProcessAlive(pid) && clock.monotonic() > patience) {
      throw new SilentServerError(silenceOf(paths), clock.now());
    }
    await clock.sleep(LOOK_MS);
  }
  const deadline = clock.monotonic() + EXIT_MS;
  while (isProcessAlive(pid) && clock.monotonic() < deadline) await clock.sleep(LOOK_MS);
}
