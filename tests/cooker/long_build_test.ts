import { assert, assertEquals } from "@std/assert";
import { DirectCooker } from "./direct_cooker.ts";

/** More than a build stores before it reports its end. */
const MANY = 40;

/** Number of builds whose files are kept. */
const KEPT = 50;

function filesBelow(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesBelow(`${folder}/${name}`) : name
  );
}

Deno.test("results are stored and old builds are removed while a build runs for long", async () => {
  const root = await Deno.realPath(await Deno.makeTempDir());
  const names = Array.from({ length: MANY }, (_, index) => `t${index}`);
  const tasks = {
    dev: "sleep 600",
    quick: "echo quick",
    ...Object.fromEntries(
      names.map((name) => [name, { command: `sh -c 'echo ${name}'`, files: ["in.txt"] }]),
    ),
  };
  await Deno.writeTextFile(`${root}/deno.json`, JSON.stringify({ tasks }));
  await Deno.writeTextFile(`${root}/in.txt`, "");
  const cooker = new DirectCooker(root);
  const begun = Promise.withResolvers<void>();
  const dev = cooker.run(["dev"], {}, undefined, ({ type }) => {
    if (type === "TaskStarted") begun.resolve();
  });
  await begun.promise;
  for (let count = 0; count < KEPT; count++) {
    assertEquals((await cooker.run(["quick"])).exitCode, 0);
  }
  assertEquals((await cooker.run(names, { jobs: 8 })).exitCode, 0);
  const results = (): number => filesBelow(`${root}/.simmer/cache/v1/results`).length;
  const builds = (): string[] => filesBelow(`${root}/.simmer/builds`).sort();
  const [first] = builds();
  for (let tick = 0; tick < 10_000 && results() < MANY; tick++) await cooker.tick();
  assertEquals([results(), builds().length, builds()[0]], [MANY, KEPT + 1, first]);
  cooker.cancelAll();
  assert((await dev).exitCode !== 0);
  // Its last writes precede the removal of the folder.
  await cooker[Symbol.asyncDispose]();
  await Deno.remove(root, { recursive: true });
});
