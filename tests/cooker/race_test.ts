import { assertEquals } from "@std/assert";
import { DirectCooker } from "./direct_cooker.ts";
import type { EditRequest } from "./race_editor.ts";

/** The number of rounds of edits and runs. Set `SIMMER_RACES` for a longer test. */
const ROUNDS = Number(Deno.env.get("SIMMER_RACES") ?? "100");

const CONFIG = JSON.stringify({
  tasks: {
    join: { command: "cat src/*.txt > out.txt", files: ["src/*.txt"], output: ["out.txt"] },
    copy: {
      command: "cat out.txt > copy.txt",
      dependencies: ["join"],
      files: ["out.txt"],
      output: ["copy.txt"],
    },
  },
});

function inputs(root: string): string {
  return [...Deno.readDirSync(`${root}/src`)].map(({ name }) => name)
    .filter((name) => name.endsWith(".txt")).sort()
    .map((name) => Deno.readTextFileSync(`${root}/src/${name}`)).join("");
}

/** Edits and runs in rounds. Each round has some builds at once, during the edits and after them. */
async function race(rounds: number, builds: number): Promise<void> {
  const root = await Deno.realPath(await Deno.makeTempDir());
  await Deno.mkdir(`${root}/src`);
  await Deno.writeTextFile(`${root}/src/0.txt`, "0\n");
  await Deno.writeTextFile(`${root}/deno.json`, CONFIG);
  const editor = new Worker(new URL("./race_editor.ts", import.meta.url), { type: "module" });
  try {
    await using cooker = new DirectCooker(root);
    let found = 0;
    for (let round = 0; round < rounds; round++) {
      const edited = new Promise((resolve) => editor.onmessage = resolve);
      const request: EditRequest = { root, edits: 1 + round % 8, seed: round * 7919 + 17 };
      editor.postMessage(request);
      const together = <T>(run: (index: number) => Promise<T>): Promise<T[]> =>
        Promise.all(Array.from({ length: builds }, (_, index) => run(index)));
      await together((index) =>
        cooker.run([index % 2 === 0 ? "copy" : "join"], { keepGoing: true, jobs: 1 + index })
      );
      await edited;
      // Not earlier: a write to an output during its task's run would count as the task's own.
      if (round % 2 === 1) Deno.writeTextFileSync(`${root}/out.txt`, "spoilt\n");
      if (round % 4 === 3) Deno.removeSync(`${root}/out.txt`);
      // These runs begin after the last edit, so their outputs must match the inputs.
      const runs = await together(() => cooker.run(["copy"]));
      const exitCode = Math.max(...runs.map((run) => run.exitCode));
      for (const { cached } of runs) found += cached.length;
      const expected = inputs(root);
      const actual = Deno.readTextFileSync(`${root}/out.txt`);
      const copy = Deno.readTextFileSync(`${root}/copy.txt`);
      assertEquals([exitCode, actual, copy], [0, expected, expected], `round ${round}`);
    }
    // A cache that never hits would pass the checks above.
    assertEquals(found > rounds / 10, true, `${found} results found in ${rounds} rounds`);
  } finally {
    editor.terminate();
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("a run that begins after edits leaves outputs that match them, whenever the edits were made", async () => {
  await race(ROUNDS, 1);
});

Deno.test("three runs at once that begin after edits leave outputs that match them", async () => {
  await race(Math.ceil(ROUNDS / 4), 3);
});
