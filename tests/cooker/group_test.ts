import { assertEquals } from "@std/assert";
import { DirectCooker } from "./direct_cooker.ts";

function storedResults(root: string): number {
  const folder = `${root}/.simmer/cache/v1/results`;
  try {
    return [...Deno.readDirSync(folder)].length;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}

Deno.test({
  name:
    "a task that only runs others leaves their first results for later, and counts for dependents",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const root = await Deno.realPath(await Deno.makeTempDir());
    const parts = ["a", "b", "c"];
    const tasks = {
      ...Object.fromEntries(
        parts.map((name) => [name, { command: `sh -c 'echo ${name}'`, files: [`${name}.txt`] }]),
      ),
      all: { dependencies: parts },
      outer: { dependencies: ["all"] },
      end: { command: "sh -c 'echo end'", files: ["end.txt"], dependencies: ["outer"] },
    };
    await Deno.writeTextFile(`${root}/deno.json`, JSON.stringify({ tasks }));
    for (const name of [...parts, "end"]) await Deno.writeTextFile(`${root}/${name}.txt`, "1");
    const cooker = new DirectCooker(root);
    const ran = async (name: string, more = {}): Promise<string[]> => {
      const names = (await cooker.run([name], more)).ran;
      return names.filter((each) => each !== "all" && each !== "outer").sort();
    };
    let stored: number | undefined;
    await cooker.run(["outer"], {}, undefined, (event) => {
      if (event.type === "TaskSucceeded" && event.task === "all") stored = storedResults(root);
    });
    assertEquals(stored, 0);
    assertEquals(await ran("end"), ["end"]);
    assertEquals(await ran("end"), []);
    await Deno.writeTextFile(`${root}/b.txt`, "2");
    assertEquals(await ran("end"), ["b", "end"]);
    assertEquals((await ran("end", { force: true })).length, 4);
    assertEquals(await ran("end"), []);
    await cooker[Symbol.asyncDispose]();
    await Deno.remove(root, { recursive: true });
  },
});
