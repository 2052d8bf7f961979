/**
 * Model test of the cache: random edits, moves, swaps, links, removals and kills between and during
 * runs, with and without a server. After each run, the outputs must equal those of a build from
 * scratch with plain `sh`, and files that a user has written must still exist.
 */

import { assert, assertEquals } from "@std/assert";
import { isSystemError, removeTree } from "../../../system/files/files.ts";
import { treeEntry } from "../../../system/files/tree.ts";
import { CacheWorld, type Ran, TARGETS } from "./cache_world.ts";
import { effort, Random, seed } from "../random.ts";

/** Duration in seconds, multiplied by `SIMMER_SOAK`. */
const SECONDS = effort(6);

/** Maximum number of changes, if `SIMMER_CHANGES` is set. */
const CHANGES = Number(Deno.env.get("SIMMER_CHANGES") ?? "Infinity");

/** Runs in one pair of worlds before new ones are made, which keeps a failure's history short. */
const RUNS = 150;

const FOLDERS = ["src", "src/s", "src/t", "src/s/u", "lib", "ext", "ext/e"] as const;
const MEMBERS = ["a", "b", "c"] as const;

/** Makes random changes to a world, and records them. */
class Meddler {
  readonly #world: CacheWorld;
  readonly #random: Random;
  readonly #story: string[] = [];
  #count = 0;

  constructor(world: CacheWorld, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  /** Number of changes so far. */
  get count(): number {
    return this.#count;
  }

  /** The last records, one a line. */
  get story(): string {
    return this.#story.slice(-40).join("\n");
  }

  /** Adds a record. */
  tell(line: string): void {
    this.#story.push(line);
  }

  /** Changes an input of the tasks. */
  changeInputs(): void {
    const { root } = this.#world;
    const path = this.#path();
    const text = `${this.#random.below(4)}\n`;
    const mode = this.#random.oneIn(2) ? 0o755 : 0o644;
    this.#attempt([
      [8, "write", path, () => Deno.writeTextFileSync(path, text)],
      [4, "replace", path, () => {
        Deno.writeTextFileSync(`${root}/aside`, text);
        Deno.renameSync(`${root}/aside`, path);
      }],
      [2, "append to", path, () => Deno.writeTextFileSync(path, text, { append: true })],
      [3, "write, with the old times,", path, () => {
        const { mtime } = Deno.statSync(path);
        Deno.writeTextFileSync(path, text);
        Deno.utimeSync(path, mtime ?? 0, mtime ?? 0);
      }],
      [1, "touch", path, () => Deno.utimeSync(path, 1e9, 1e9)],
      [2, "set the mode of", path, () => Deno.chmodSync(path, mode)],
      [3, "remove", path, () => Deno.removeSync(path)],
      [3, "move", path, () => Deno.renameSync(path, this.#path())],
      [2, "link to a file as", path, () => Deno.symlinkSync(this.#linked("f"), path)],
      [2, "link by a hard link as", path, () => Deno.linkSync(this.#path(), path)],
      [2, "link elsewhere by a hard link", path, () => {
        removeTree(`${root}/hard/h`);
        Deno.linkSync(path, `${root}/hard/h`);
      }],
      [2, "write by the other name", path, () => {
        Deno.writeTextFileSync(`${root}/hard/h`, text, { create: false });
      }],
      ...this.#folderChanges(),
    ]);
  }

  /** Changes the configuration, an output or a member. */
  changeRest(): void {
    const world = this.#world;
    const { root } = world;
    const digit = String(this.#random.below(4));
    const mine = `mine ${this.#count}\n`;
    const name = this.#random.pick(["f0.txt", "f1.txt", "s/f0.txt", "stray"]);
    const [from, to] = [this.#random.pick(MEMBERS), this.#random.pick(MEMBERS)];
    this.#attempt([
      [2, "configure", digit, () => world.configure(digit)],
      [2, "write over", "gen/list.txt", () => Deno.writeTextFileSync(`${root}/gen/list.txt`, "no")],
      [2, "remove", "gen", () => world.removeOwn("gen")],
      [1, "remove", "gen/list.txt", () => world.removeOwn("gen/list.txt")],
      [2, "write one's own", `copy/${name}`, () => world.writeOwn(`copy/${name}`, mine)],
      [1, "remove", `copy/${name}`, () => world.removeOwn(`copy/${name}`)],
      [1, "remove", "copy", () => world.removeOwn("copy")],
      [1, "remove", "dist", () => world.removeOwn("dist")],
      [1, "write one's own", "dist/f0.txt.made", () => world.writeOwn("dist/f0.txt.made", mine)],
      [1, "write", "fail.txt", () => Deno.writeTextFileSync(`${root}/lib/fail.txt`, "")],
      [4, "remove", "fail.txt", () => removeTree(`${root}/lib/fail.txt`)],
      [2, `rename the member ${from}`, to, () => {
        if (treeEntry(`${root}/m/${to}`) === undefined) {
          Deno.renameSync(`${root}/m/${from}`, `${root}/m/${to}`);
        }
      }],
      [2, "write in the member", from, () => {
        Deno.writeTextFileSync(`${root}/m/${from}/src/f0.txt`, `${digit}\n`);
      }],
    ]);
  }

  #folderChanges(): Change[] {
    const { root } = this.#world;
    const [folder, other] = [this.#folder(), this.#folder()];
    const text = `${this.#random.below(4)}\n`;
    return [
      [3, "make the folder", folder, () => Deno.mkdirSync(folder)],
      [1, "remove the folder", folder, () => Deno.removeSync(folder, { recursive: true })],
      [2, "move the folder", `${folder} to ${other}`, () => {
        if (treeEntry(other) === undefined) Deno.renameSync(folder, other);
      }],
      [2, "swap the folders", `${folder} ${other}`, () => this.#swap(folder, other)],
      [2, "make the folder anew", folder, () => {
        Deno.removeSync(folder, { recursive: true });
        Deno.mkdirSync(folder);
        Deno.writeTextFileSync(`${folder}/f0.txt`, text);
      }],
      [2, "move the folder away, edit in it, and move it back", folder, () => {
        Deno.renameSync(folder, `${root}/away`);
        Deno.writeTextFileSync(`${root}/away/f0.txt`, text);
        Deno.renameSync(`${root}/away`, folder);
      }],
      [1, "keep the folder elsewhere, and link to it", folder, () => {
        Deno.mkdirSync(`${root}/store`, { recursive: true });
        const place = `store/${this.#count}`;
        Deno.renameSync(folder, `${root}/${place}`);
        Deno.symlinkSync(`${upwards(folder, root)}${place}`, folder);
      }],
      [2, "link to a folder as", folder, () => Deno.symlinkSync(this.#linked("d"), folder)],
      [2, "remove the link", folder, () => {
        if (treeEntry(folder)?.kind === "link") Deno.removeSync(folder);
      }],
    ];
  }

  #swap(one: string, two: string): void {
    const aside = `${this.#world.root}/away`;
    if (one.startsWith(two) || two.startsWith(one)) return;
    Deno.renameSync(one, aside);
    try {
      Deno.renameSync(two, one);
    } finally {
      // If the second folder does not exist, this moves the first one.
      Deno.renameSync(aside, two);
    }
  }

  /** Makes one change, chosen by weight. A change that is impossible in this tree is skipped. */
  #attempt(changes: readonly Change[]): void {
    let at = this.#random.below(changes.reduce((sum, [weight]) => sum + weight, 0));
    const chosen = changes.find(([weight]) => (at -= weight) < 0);
    if (chosen === undefined) return;
    const [, what, where, change] = chosen;
    try {
      change();
      this.#count++;
      this.tell(`  ${what} ${where.replaceAll(`${this.#world.root}/`, "")}`);
    } catch (error) {
      if (!isSystemError(error)) throw error;
    }
  }

  #folder(): string {
    return `${this.#world.root}/${this.#random.pick([...FOLDERS, "src/d0", "ext/d0", "src/s/d0"])}`;
  }

  #path(): string {
    return `${this.#folder()}/f${this.#random.below(3)}.txt`;
  }

  /** Returns a random link target. */
  #linked(kind: "d" | "f"): string {
    const up = this.#random.pick(["", "../", "../../"]);
    const folder = this.#random.pick(["ext", "ext/e", "src/t", "t", "e"]);
    return `${up}${folder}${kind === "f" ? `/f${this.#random.below(3)}.txt` : ""}`;
  }
}

type Change = readonly [weight: number, what: string, where: string, change: () => void];

/** Returns the relative link target from a path's folder up to `root`. */
function upwards(path: string, root: string): string {
  return "../".repeat(path.slice(root.length + 1).split("/").length - 1);
}

/** Statistics of the test. */
interface Tally {
  changes: number;
  runs: number;
  disturbed: number;
  found: number;
  kills: number;
}

/** Runs tasks, now and then first while inputs change. Compares the last run with the reference. */
async function runAndCompare(
  world: CacheWorld,
  meddler: Meddler,
  random: Random,
  tally: Tally,
): Promise<void> {
  const target = random.pick(TARGETS);
  const options = random.pick([[], [], [], ["-j1"], ["-j4"], ["--no-server"], ["--force"]]);
  const run = async (): Promise<Ran> => {
    meddler.tell(`run ${options.join(" ")} ${target}`);
    const ran = await world.run(target, options);
    tally.runs++;
    tally.found += ran.found;
    assert(ran.code < 2, `${ran.code}: ${ran.stderr}`);
    return ran;
  };
  if (random.oneIn(5)) {
    const running = run();
    await new Promise((resolve) => setTimeout(resolve, random.below(120)));
    for (let count = random.below(3); count >= 0; count--) meddler.changeInputs();
    meddler.tell("  (while it ran)");
    await running;
    world.allowWrites();
    tally.disturbed++;
  }
  const ran = await run();
  const expected = await world.expect(target);
  const wrong = world.compare(target, ran, expected);
  assertEquals(wrong, undefined, `seed ${seed()}: ${wrong}\n${meddler.story}\n${ran.stderr}`);
}

Deno.test({
  name:
    "cached builds leave the same outputs as builds from scratch after random changes to the tree",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const tally: Tally = { changes: 0, runs: 0, disturbed: 0, found: 0, kills: 0 };
    const until = performance.now() + SECONDS * 1000;
    const isTime = (): boolean => performance.now() < until;
    // On a busy machine, the time is over before there have been enough runs.
    const isEnough = (): boolean => tally.runs > 20 && tally.changes > 20 && tally.found > 5;
    for (let round = 0; (isTime() || !isEnough()) && tally.changes < CHANGES; round++) {
      const random = new Random(seed() * 1e6 + round);
      const base = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "simmer_model_" }));
      const cache = { folder: `${base}/cache`, byHand: new Set<string>() };
      await using one = await CacheWorld.create(`${base}/one`, cache);
      await using two = await CacheWorld.create(`${base}/two`, cache);
      const worlds = [
        { world: one, meddler: new Meddler(one, random) },
        { world: two, meddler: new Meddler(two, random) },
      ] as const;
      for (let count = 0; count < RUNS && (isTime() || tally.runs <= 20); count++) {
        const { world, meddler } = random.pick(worlds);
        for (let left = random.below(9); left > 0; left--) {
          if (random.oneIn(4)) meddler.changeRest();
          else meddler.changeInputs();
        }
        if (random.oneIn(25)) {
          meddler.tell("  kill the server");
          await world.kill();
          tally.kills++;
        }
        if (random.oneIn(60)) removeTree(cache.folder);
        await runAndCompare(world, meddler, random, tally);
      }
      for (const { meddler } of worlds) tally.changes += meddler.count;
      removeTree(base);
    }
    // deno-lint-ignore no-console -- the figures of a run
    console.log(
      `  ${tally.runs} runs (${tally.disturbed} of them disturbed) after ${tally.changes} changes ` +
        `and ${tally.kills} kills; ${tally.found} results found`,
    );
    assert(isEnough(), JSON.stringify(tally));
  },
});
