import { assert, assertEquals } from "@std/assert";
import { ResultStore } from "../../../cooker/store/result_store.ts";
import { systemClock } from "../../../system/clock.ts";
import { sha256Hex } from "../../../system/files/digest.ts";
import { MemoryLogger } from "../../../system/logger.ts";
import { Random, seed } from "../../faults/random.ts";
import { fingerprintOf, outputsOf } from "./crash_writer.ts";

/** The number of writers to kill. Set `SIMMER_KILLS` for a longer test. */
const KILLS = Number(Deno.env.get("SIMMER_KILLS") ?? "100");
/** The number of concurrent writers. */
const LANES = 2;
/** The maximum number of steps of a writer before it is killed. A result takes 7. */
const MOST_STEPS = 40;
/** The number of results reserved for each writer. */
const SPAN = 1000;

const WRITER = new URL("./crash_writer.ts", import.meta.url).pathname;

/** Starts a writer and kills it during or after a random step. */
async function killOne(folder: string, first: number, random: Random): Promise<void> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", WRITER, folder, String(first)],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.getReader();
  // The writer writes a byte before each step.
  for (let left = 1 + random.below(MOST_STEPS); left > 0;) {
    const { value } = await reader.read();
    assert(value !== undefined, "a writer ended by itself");
    left -= value.length;
  }
  child.kill("SIGKILL");
  await child.status;
  await reader.cancel();
}

Deno.test("writers that are killed at any moment leave correct results or none", async () => {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  const target = `${folder}/target`;
  try {
    let next = 0;
    const random = new Random(seed());
    const lane = async (): Promise<void> => {
      while (next < KILLS) await killOne(folder, next++ * SPAN, random);
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    const log = new MemoryLogger();
    const store = new ResultStore({ folder, log, clock: systemClock });
    let found = 0;
    for (let first = 0; first < KILLS * SPAN; first += SPAN) {
      for (let number = first;; number++) {
        const result = store.find(fingerprintOf(number));
        if (result === undefined) break;
        found++;
        await Deno.mkdir(target);
        assertEquals(await store.restore(result.outputs, target), { kind: "restored", changed: 4 });
        for (const [path, text] of Object.entries(outputsOf(number))) {
          assertEquals(await Deno.readTextFile(`${target}/${path}`) === text, true, path);
        }
        const kept = store.readBlob(result.log ?? "") ?? new Uint8Array();
        assertEquals(new TextDecoder().decode(kept), `log ${number}`);
        await Deno.remove(target, { recursive: true });
      }
    }
    assert(found > KILLS / 2, `${found} results after ${KILLS} kills`);
    assertEquals(log.messages, []);
    checkNames(`${folder}/v1/blobs`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** Checks that each blob's name is its digest. A partly written blob must not have such a name. */
function checkNames(folder: string): void {
  for (const part of Deno.readDirSync(folder)) {
    for (const { name } of Deno.readDirSync(`${folder}/${part.name}`)) {
      assertEquals(sha256Hex(Deno.readFileSync(`${folder}/${part.name}/${name}`)), name);
    }
  }
}
