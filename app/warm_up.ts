/**
 * The warm-up of a new server: its first build would take five times as long as its tenth, because the
 * runtime compiles everything at its first use. A made-up build before that, in a folder of its own and
 * with a cooker of its own, leaves it at twice as long.
 *
 * @module
 */

import { Output } from "../client/output.ts";
import type { Clock } from "../system/clock.ts";
import { joinPath, removeTree, writeAtomically } from "../system/files/files.ts";
import { makeTemporaryFolder } from "../system/files/private_folder.ts";
import { processId } from "../system/environment.ts";
import { serveLocally } from "./local.ts";
import type { RunCommand } from "./forwarded_command.ts";

/** What a warm-up needs. */
interface WarmUpOptions {
  readonly run: RunCommand;
  readonly clock: Clock;
  /** Whether nobody has come to the server yet. */
  readonly isUnused: () => boolean;
  /** Ends the waiting. */
  readonly signal: AbortSignal;
}

/** Milliseconds in which nobody has come: who has started a server comes at once. */
const WAIT_MS = 100;

/** Made-up builds: the first one has the code compiled, the next ones have it optimized. */
const BUILDS = 3;
const COLUMNS = 80;

/** Tasks that are done in one process, and one that depends on them. */
const TASKS = {
  a: "echo a",
  b: "echo b",
  all: { command: "echo all", dependencies: ["a", "b"] },
};

/** Runs made-up builds, as long as nobody has come to the server. */
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
  const { stream, ended } = serveLocally({ root });
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
      isHungUp: () => false,
    },
    output: new Output({ stdout: nowhere, stderr: nowhere }),
    onSignal: () => ({ [Symbol.dispose]: () => {} }),
    exit: (code) => {
      throw new Error(`the warm-up ended with exit code ${code}`);
    },
    connect: () => stream,
  });
  await ended;
}
