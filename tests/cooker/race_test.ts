import { assertEquals } from "@std/assert";
import { DirectCooker } from "./direct_cooker.ts";
import type { EditRequest } from "./race_editor.ts";

/** How often the project is edited and run; more where somebody has the time. */
const ROUNDS = Number(Deno.env.get("SIMMER_RACES") ?? "250");

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

Deno.test("edits at any moment: a run that begins after them leaves what belongs to them", async () => {
  const root = await Deno.realPath(await Deno.makeTempDir());
  await Deno.mkdir(`${root}/src`);
  await Deno.writeTextFile(`${root}/src/0.txt`, "0\n");
  await Deno.writeTextFile(`${root}/deno.json`, CONFIG);
  const editor = new Worker(new URL("./race_editor.ts", import.meta.url), { type: "module" });
  try {
    await using cooker = new DirectCooker(root);
    let found = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const edited = new Promise((resolve) => editor.onmessage = resolve);
      const request: EditRequest = { root, edits: 1 + round % 8, seed: round * 7919 + 17 };
      editor.postMessage(request);
      await cooker.run(["copy"], { keepGoing: true });
      await edited;
      // Only now: what somebody writes into an output while its task does is that task's output.
      if (round % 2 === 1) Deno.writeTextFileSync(`${root}/out.txt`, "spoilt\n");
      if (round % 4 === 3) Deno.removeSync(`${root}/out.txt`);
      // What runs now began after the last edit; half of the time the one before is still going.
      const { exitCode, cached } = await cooker.run(["copy"]);
      found += cached.length;
      const expected = inputs(root);
      const actual = Deno.readTextFileSync(`${root}/out.txt`);
      const copy = Deno.readTextFileSync(`${root}/copy.txt`);
      assertEquals([exitCode, actual, copy], [0, expected, expected], `round ${round}`);
    }
    // A cache that never finds anything would be right, too.
    assertEquals(found > ROUNDS / 10, true, `${found} results found in ${ROUNDS} rounds`);
  } finally {
    editor.terminate();
    await Deno.remove(root, { recursive: true });
  }
});
