/**
 * Fuzzer for input fingerprints: random trees, with random edits between two fingerprints. A reference
 * in Python says which trees are equal, and which must have no fingerprint.
 */

import { assert, assertEquals } from "@std/assert";
import type { InputTracker } from "../../../cooker/inputs/tracker.ts";
import { trackerOf } from "../../cooker/inputs/trackers.ts";
import { effort, seed } from "../random.ts";

/** Maximum number of fingerprints, and maximum duration in seconds, multiplied by `SIMMER_SOAK`. */
const MOST = 20_000;
const SECONDS = effort(6);

/** Number of fingerprints of one tree before a new one is made. */
const EDITS = 25;

const PYTHON = "python3";
const hasPython = await exists(PYTHON);

async function exists(program: string): Promise<boolean> {
  try {
    return (await new Deno.Command(program, { args: ["--version"], stdout: "null" }).output())
      .success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

interface Answer {
  /** `null` if the tree must have no fingerprint. */
  readonly state: string | null;
  readonly problem: string | null;
  readonly done: number;
}

/** The reference in Python, which answers one request at a time. */
class Reference implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #questions: WritableStreamDefaultWriter<Uint8Array>;
  readonly #answers: ReadableStreamDefaultReader<string>;
  #text = "";

  constructor() {
    const script = new URL("./tree_reference.py", import.meta.url).pathname;
    this.#child = new Deno.Command(PYTHON, { args: [script], stdin: "piped", stdout: "piped" })
      .spawn();
    this.#questions = this.#child.stdin.getWriter();
    this.#answers = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  async ask(question: unknown): Promise<Answer> {
    await this.#questions.write(new TextEncoder().encode(`${JSON.stringify(question)}\n`));
    while (!this.#text.includes("\n")) {
      const { value, done } = await this.#answers.read();
      if (done) throw new Error("the reference ended");
      this.#text += value;
    }
    const end = this.#text.indexOf("\n");
    const line = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 1);
    return JSON.parse(line) as Answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#questions.close();
    await this.#answers.cancel();
    await this.#child.status;
  }
}

/** Returns the digest of the current inputs; `undefined` if the tracker reports a problem. */
async function fingerprint(tracker: InputTracker, root: string): Promise<string | undefined> {
  tracker.sync();
  const set = tracker.set(root, ["src"]);
  assert(set !== undefined);
  const { digest, problem } = await set.look();
  return problem === undefined ? digest ?? "" : undefined;
}

/** Makes the folder for the trees, in memory if that is possible. */
async function makeRoot(): Promise<string> {
  const options = { dir: "/dev/shm", prefix: "simmer_trees_" };
  const root = await Deno.makeTempDir(options).catch(() => Deno.makeTempDir());
  return await Deno.realPath(root);
}

Deno.test({
  name:
    "random trees have equal fingerprints if and only if they are equal, and invalid trees have none" +
    (hasPython ? "" : " (skipped: no python3)"),
  ignore: !hasPython || Deno.build.os === "windows",
  fn: async () => {
    const root = await makeRoot();
    await using reference = new Reference();
    const told = trackerOf(root, true);
    const digests = new Map<string, string>();
    const states = new Map<string, string>();
    const until = performance.now() + SECONDS * 1000;
    const counts = { fingerprints: 0, edits: 0, strange: 0, longestMs: 0 };
    for (let round = 0; counts.fingerprints < MOST && performance.now() < until; round++) {
      const edits = round % EDITS === 0 ? 30 : 1 + (round % 3);
      const op = round % EDITS === 0 ? "new" : "edit";
      const answer = await reference.ask({ op, root, seed: seed() * 1e6 + round, edits });
      const begun = performance.now();
      const now = await fingerprint(told, root);
      counts.longestMs = Math.max(counts.longestMs, performance.now() - begun);
      // A new tracker without watches must return the same.
      const looking = trackerOf(root, false);
      const anew = await fingerprint(looking, root);
      looking.stop();
      counts.fingerprints++;
      counts.edits += answer.done;
      const where = `seed ${seed()}, round ${round}, in ${root}, ${answer.problem}`;
      assertEquals(now, anew, where);
      assertEquals(now === undefined, answer.state === null, where);
      if (now === undefined || answer.state === null) {
        counts.strange++;
        continue;
      }
      assertEquals(digests.get(answer.state) ?? now, now, `${where}: the same tree`);
      assertEquals(states.get(now) ?? answer.state, answer.state, `${where}: another tree`);
      digests.set(answer.state, now);
      states.set(now, answer.state);
    }
    told.stop();
    // deno-lint-ignore no-console -- the figures of a run
    console.log(
      `  ${counts.fingerprints} fingerprints after ${counts.edits} edits, ${counts.strange} trees ` +
        `without one, ${states.size} different ones, the longest ${counts.longestMs.toFixed(1)} ms`,
    );
    assert(counts.fingerprints > 20 && counts.strange > 0 && states.size > 10);
    // Deno cannot remove deep trees by their paths.
    await new Deno.Command("rm", { args: ["-rf", root] }).output();
  },
});
