/**
 * Stores results until it is killed: `crash_writer.ts FOLDER SEED`. A result's number determines its
 * outputs. Writes a byte to stdout before each step.
 */

import { ResultStore } from "../../../cooker/store/result_store.ts";
import { systemClock } from "../../../system/clock.ts";
import { sha256Hex } from "../../../system/files/digest.ts";
import { MemoryLogger } from "../../../system/logger.ts";

/** Returns the fingerprint of a result. */
export function fingerprintOf(number: number): string {
  return sha256Hex(`result ${number}`);
}

/** Returns a result's outputs: two small files, a large one, and one that all results share. */
export function outputsOf(number: number): Readonly<Record<string, string>> {
  return {
    "small.txt": `small ${number}\n`,
    "deep/in/side.txt": `side ${number % 7}\n`,
    "large.bin": `${number}.`.repeat(20_000 + number % 1000),
    "shared.txt": "the same for all\n".repeat(1000),
  };
}

if (import.meta.main) {
  const [folder = "", seed = "0"] = Deno.args;
  const store = new ResultStore({ folder, log: new MemoryLogger(), clock: systemClock });
  const work = await Deno.makeTempDir({ dir: folder });
  const step = async (): Promise<void> => {
    await Deno.stdout.write(new Uint8Array(1));
  };
  for (let number = Number(seed);; number++) {
    for (const [path, text] of Object.entries(outputsOf(number))) {
      await step();
      await Deno.mkdir(`${work}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
      await Deno.writeTextFile(`${work}/${path}`, text);
    }
    await step();
    const outputs = await store.capture(work, Object.keys(outputsOf(number)));
    await step();
    const log = store.putBlob(new TextEncoder().encode(`log ${number}`));
    await step();
    store.save({
      fingerprint: fingerprintOf(number),
      task: "t",
      durationMs: 1,
      savedAt: 0,
      outputs,
      log,
    });
  }
}
