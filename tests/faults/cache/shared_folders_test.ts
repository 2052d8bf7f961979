/**
 * Fuzzer for folder watches: several file sets share folders that are moved, swapped, linked, removed
 * and recreated before, during and after a look at a set. After a sync, each set must equal that of a
 * new tracker without watches.
 */

import { assert, assertEquals } from "@std/assert";
import { trackerOf } from "../../cooker/inputs/trackers.ts";
import { isSystemError, removeTree } from "../../../system/files/files.ts";
import { effort, Random, seed } from "../random.ts";

/** Duration in seconds, multiplied by `SIMMER_SOAK`. */
const SECONDS = effort(5);

/** Rounds with one tree before a new one is made. */
const ROUNDS = 60;

/** Input patterns of tasks, relative to the root. */
const INPUTS: readonly (readonly string[])[] = [
  ["a"],
  ["a/**/*.txt"],
  ["a/b"],
  ["a/b/*.txt", "c"],
  ["c/d/0.txt"],
  ["c/**", "!c/d"],
  ["e/f", "a/b/c/0.txt"],
];

const NAMES = ["a", "a/b", "a/b/c", "a/g", "c", "c/d", "e", "e/f", "x", "x/y"] as const;

/** Makes random changes to a tree. */
class Editor {
  readonly #root: string;
  readonly #random: Random;
  readonly story: string[] = [];

  constructor(root: string, random: Random) {
    this.#root = root;
    this.#random = random;
  }

  /** Makes up to `count` changes. An impossible change is skipped. */
  edit(count: number): void {
    for (; count > 0; count--) {
      try {
        this.story.push(`  ${this.#editOnce()}`);
      } catch (error) {
        if (!isSystemError(error)) throw error;
      }
    }
  }

  #editOnce(): string {
    const [one, two] = [this.#random.pick(NAMES), this.#random.pick(NAMES)];
    const [first, second] = [`${this.#root}/${one}`, `${this.#root}/${two}`];
    const file = `${this.#random.below(2)}.txt`;
    switch (this.#random.below(9)) {
      case 0:
      case 1:
        Deno.mkdirSync(first, { recursive: true });
        Deno.writeTextFileSync(`${first}/0.txt`, "0");
        return `mkdir ${one}`;
      case 2:
      case 3:
        Deno.renameSync(first, second);
        return `mv ${one} ${two}`;
      case 4:
        Deno.removeSync(first, { recursive: true });
        return `rm ${one}`;
      case 5:
        Deno.symlinkSync(second, first);
        return `ln -s ${two} ${one}`;
      case 6: {
        const aside = `${this.#root}/aside`;
        Deno.renameSync(first, aside);
        try {
          Deno.renameSync(second, first);
        } finally {
          Deno.renameSync(aside, second);
        }
        return `swap ${one} ${two}`;
      }
      case 7:
        Deno.linkSync(`${second}/0.txt`, `${first}/${file}`);
        return `ln ${two}/0.txt ${one}/${file}`;
      default:
        Deno.writeTextFileSync(`${first}/${file}`, String(this.#random.below(3)));
        return `write ${one}/${file}`;
    }
  }
}

Deno.test({
  name: "no set is stale after folders that several sets share were moved, swapped and replaced",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const until = performance.now() + SECONDS * 1000;
    let [compared, edited] = [0, 0];
    for (let tree = 0; performance.now() < until; tree++) {
      const random = new Random(seed() * 1e6 + tree);
      const root = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "simmer_shared_" }));
      const editor = new Editor(root, random);
      const told = trackerOf(root, true);
      for (let round = 0; round < ROUNDS; round++) {
        for (let looks = random.below(4); looks > 0; looks--) {
          editor.edit(random.below(4));
          if (random.oneIn(2)) {
            editor.story.push("sync");
            told.sync();
          }
          const inputs = random.pick(INPUTS as [readonly string[]]);
          editor.story.push(`look at ${inputs.join(" ")}`);
          const set = told.set(root, inputs);
          if (random.oneIn(3)) set?.snapshot();
          else {
            const looking = random.oneIn(2) ? set?.look() : set?.find();
            editor.edit(random.below(3));
            await looking;
          }
        }
        editor.edit(random.below(3));
        told.sync();
        editor.story.push("sync, and compare");
        const looking = trackerOf(root, false);
        for (const inputs of INPUTS) {
          if (!random.oneIn(3)) continue;
          const set = told.set(root, inputs);
          if (random.oneIn(2)) await set?.find();
          const now = await set?.look();
          const anew = await looking.set(root, inputs)?.look();
          compared++;
          assertEquals(
            [now?.digest, now?.problem],
            [anew?.digest, anew?.problem],
            `${inputs} (seed ${seed()}, tree ${tree})\n${editor.story.join("\n")}`,
          );
        }
        looking.stop();
      }
      edited += editor.story.filter((line) => line.startsWith(" ")).length;
      told.stop();
      removeTree(root);
    }
    // deno-lint-ignore no-console -- the figures of a run
    console.log(`  ${compared} comparisons after ${edited} edits`);
    assert(compared > 100 && edited > 100);
  },
});
