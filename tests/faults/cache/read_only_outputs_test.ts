/** Outputs in folders that are read-only for their owner. */

import { assertEquals } from "@std/assert";
import { type Finished, Project, SIMMER } from "../../e2e/support.ts";
import { canBeMortal, MORTAL } from "./mortal.ts";

const MAKE = `
mkdir -p out/deep/$(cat n) && cp n out/deep/$(cat n)/f && cp n out/f
chmod 500 out/deep/$(cat n); chmod 555 out/deep out
test $(cat n) != bad`;

/** Returns each path with its mode, and with the content if it is a file. */
async function look(root: string, path = "out"): Promise<string[]> {
  const info = await Deno.lstat(`${root}/${path}`);
  const mode = ((info.mode ?? 0) & 0o777).toString(8);
  if (!info.isDirectory) {
    return [`${path} ${mode} ${(await Deno.readTextFile(`${root}/${path}`)).trim()}`];
  }
  const found = [`${path} ${mode}`];
  for await (const { name } of Deno.readDir(`${root}/${path}`)) {
    found.push(...await look(root, `${path}/${name}`));
  }
  return found.sort();
}

function expected(input: string): string[] {
  return [
    "out 555",
    "out/deep 555",
    `out/deep/${input} 500`,
    `out/deep/${input}/f 644 ${input}`,
    `out/f 644 ${input}`,
  ];
}

Deno.test({
  name: "an ordinary user's read-only output folders are replaced and restored" +
    (canBeMortal ? "" : ": setpriv is missing"),
  ignore: !canBeMortal,
  fn: async () => {
    await using project = await Project.create({
      "deno.json": { tasks: { b: { command: "sh m.sh", files: ["n", "m.sh"], output: ["out"] } } },
      "m.sh": MAKE,
      n: "one",
    });
    const run = async (): Promise<Finished> =>
      await project.runProgram([...MORTAL, ...SIMMER, "run", "b"]);
    const runWith = async (input: string, code = 0): Promise<string> => {
      await project.write("n", input);
      const ended = await run();
      assertEquals(ended.code, code, ended.stderr);
      assertEquals(await look(project.root), expected(input), ended.stderr);
      return ended.stderr;
    };
    for (const input of ["one", "two", "one", "two"]) await runWith(input);
    await runWith("bad", 1);
    await runWith("three");
    await runWith("one");
    await Deno.remove(`${project.root}/out`, { recursive: true });
    assertEquals((await runWith("two")).includes("cached"), true);
    await Deno.writeTextFile(`${project.root}/out/f`, "damaged");
    assertEquals((await runWith("two")).includes("cached"), true);
    await project.runProgram([...MORTAL, ...SIMMER, "stop"]);
  },
});
