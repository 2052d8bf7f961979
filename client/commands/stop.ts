/**
 * `simmer stop`: end the server, and wait until it is gone.
 *
 * @module
 */

import { readLockContent } from "../../lock/content.ts";
import { LockFile } from "../../lock/lock_file.ts";
import { isProcessAlive } from "../../system/processes.ts";
import type { ServerStatus } from "../../wire/commands.ts";
import { defineCommand } from "../command.ts";
import { processName } from "../process_name.ts";
import { EXIT, ServerEndedError } from "../exit_code.ts";
import type { Invocation } from "../invocation.ts";
import { type ServerPlace, serverPlace } from "../launcher.ts";
import { withServer } from "../operator.ts";

/** The command. */
export const command = defineCommand({
  name: "stop",
  usage: "",
  summary: "End the server when its build is done",
  about: ["Where none runs, there is nothing to do, and the exit code is 0 too."],
  options: [{ name: "force", kind: "flag", summary: "cancel the build" }],
  words: { min: 0, max: 0 },
}, async (invocation, { values }) => {
  const { output } = invocation;
  const place = serverPlace(invocation, values);
  const say = (text: string): void => {
    if (!values.quiet) output.write("stderr", `simmer: ${text}\n`);
  };
  const pid = await withServer(invocation, place, async ({ session, hello }) => {
    const { busyWith } = await session.call("status") as ServerStatus;
    const isPatient = busyWith !== null && !values.force;
    say(
      isPatient
        ? `the server (${processName(hello.pid)}) ends when its build is done; --force cancels that`
        : `ending the server (${processName(hello.pid)})`,
    );
    try {
      await session.call("terminateServer", { force: values.force });
    } catch (error) {
      // Ended before it answered, which is what was wanted.
      if (!(error instanceof ServerEndedError)) throw error;
    }
    await session.ended;
    return hello.pid;
  }, values);
  if (pid === undefined) say(`no server runs for ${place.project.root}`);
  else if (place.socket === undefined) await untilGone(invocation, place, pid);
  if (values.json) {
    output.write("stdout", `${JSON.stringify({ wasRunning: pid !== undefined, pid })}\n`);
  }
  return EXIT.ok;
});

/** Milliseconds between two looks for a process that is about to exit, and of looking at the most. */
const LOOK_MS = 5;
const EXIT_MS = 5000;

/** Until nobody holds the lock, or another server does, and the process has exited. */
async function untilGone(
  { clock }: Invocation,
  { paths }: ServerPlace,
  pid: number,
): Promise<void> {
  const wait = { timeoutMs: 500 };
  while ((readLockContent(paths.lock)?.pid ?? pid) === pid) {
    const lock = await LockFile.acquire(paths.lock, { wait, clock });
    if (lock === undefined) continue;
    lock.release();
    break;
  }
  const deadline = clock.monotonic() + EXIT_MS;
  while (isProcessAlive(pid) && clock.monotonic() < deadline) await clock.sleep(LOOK_MS);
}
