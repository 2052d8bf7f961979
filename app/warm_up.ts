/**
 * Warm-up of a new server. The runtime compiles code at its first use, so a first build would take
 * five times as long as the tenth. Artificial builds before that, in a temporary folder and with a
 * cooker of their own, reduce this to twice as long.
 *
 * @module
 */

import { Output } from "../client/output.ts";
import type { Clock } from "../system/clock.ts";
import { joinPath, removeTree, writeAtomically } from "../system/files/files.ts";
import { makeTemporaryFolder } from "../system/files/private_folder.ts";
import { processId } from "../system/environment.ts";
import { serveLocally } from "./local.ts";
import type { RunCommand } from "./hosted_invocation.ts";

/** Parameters of a warm-up. */
interface WarmUpOptions {
  readonly run: RunCommand;
  readonly clock: Clock;
  /** Returns true until a client has used the server. */
  readonly isUnused: () => boolean;
  /** Ends the wait, and the series of builds. */
  readonly signal: AbortSignal;
}

/**
 * Delay before the warm-up, in milliseconds. A client that has started the server sends its request
 * within that time, and the warm-up is skipped.
 */
const WAIT_MS = 100;

/** Number of artificial builds. The first one compiles the code, the next ones optimize it. */
const BUILDS = 3;
const COLUMNS = 80;

/** Two tasks that run in one process, and one that depends on them. */
const TASKS = {
  a: "echo a",
  b: "echo b",
  all: { command: "echo all", dependencies: ["a", "b"] },
};

/** Runs artificial builds while no client uses the server. */
export async function warmUp({ run, clock, isUnused, signal }: WarmUpOptions): Promise<void> {
  await clock.sleep(WAIT_MS, signal);
  if (signal.aborted || !isUnused()) return;
  const root = makeTemporaryFolder();
  try {
    writeAtomically(joinPath(root, "deno.json"), JSON.stringify({ tasks: TASKS }));
    for (let build = 0; build < BUILDS && !signal.aborted && isUnused(); build++) {
      await buildOnce(root, run, clock);
    }
  } finally {
    removeTree(root);
  }
}

async function buildOnce(root: string, run: RunCommand, clock: Clock): Promise<void> {
  const { channel, ended } = serveLocally({ root });
  const nowhere = { write: (bytes: Uint8Array) => Promise.resolve(bytes.length) };
  await run(["run", "all"], {
    env: {},
    cwd: root,
    pid: processId(),
    startedAt: clock.monotonic(),
    terminal: {
      stdin: false,
      stdout: false,
      stderr: false,
      columns: () => COLUMNS,
      rows: () => 0,
      isHungUp: () => false,
      restoreBy: () => {},
    },
    output: new Output({ stdout: nowhere, stderr: nowhere }),
    onSignal: () => ({ [Symbol.dispose]: () => {} }),
    exit: (code) => {
      throw new Error(`the warm-up ended with exit code ${code}`);
    },
    connect: () => channel,
  });
  await ended;
}
