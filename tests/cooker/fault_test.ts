/** Reasons for which a project's cooker is of no use. */

import { assertEquals, assertMatch } from "@std/assert";
import { DirectCooker } from "./direct_cooker.ts";

const VALID = '{ "tasks": { "a": "echo a" } }';

async function withCooker(
  config: string,
  work: (cooker: DirectCooker, write: (text: string) => Promise<void>) => Promise<void>,
): Promise<void> {
  const root = await Deno.realPath(await Deno.makeTempDir());
  const write = (text: string): Promise<void> => Deno.writeTextFile(`${root}/deno.json`, text);
  await write(config);
  {
    await using cooker = new DirectCooker(root);
    await work(cooker, write);
  }
  await Deno.remove(root, { recursive: true });
}

Deno.test("config that was never valid is a fault until it is valid once", async () => {
  await withCooker("{", async (direct, write) => {
    const { cooker } = direct;
    assertEquals(cooker.fault(), undefined, "nothing has been read");
    await direct.run(["a"]);
    assertMatch(
      cooker.fault() ?? "",
      /^No config has been valid since the start \(Invalid config: .*deno\.json:1:\d+: .*\)$/,
    );
    await write(VALID);
    assertEquals((await direct.run(["a"])).exitCode, 0);
    assertEquals(cooker.fault(), undefined);
    await write("{");
    assertEquals((await direct.run(["a"])).error?.is("projectError"), true);
    assertEquals(cooker.fault(), undefined, "it was valid once");
  });
});

Deno.test("an unknown task and a cycle are no fault of the config", async () => {
  const cyclic = '{ "tasks": { "a": { "dependencies": ["a"] } } }';
  for (const [config, task] of [[VALID, "b"], [cyclic, "a"]] as const) {
    await withCooker(config, async (direct) => {
      const { cooker } = direct;
      assertEquals((await direct.run([task])).error?.is("projectError"), true);
      assertEquals(cooker.fault(), undefined);
    });
  }
});

Deno.test("a project without any config file is a fault, whatever was valid before", async () => {
  await withCooker(VALID, async (direct, write) => {
    const { cooker } = direct;
    assertEquals((await direct.run(["a"])).exitCode, 0);
    await Deno.remove(`${direct.root}/deno.json`);
    assertEquals(
      cooker.fault(),
      `No config: ${direct.root} no longer has a deno.json, deno.jsonc or package.json`,
    );
    await Deno.writeTextFile(`${direct.root}/package.json`, "{}");
    assertEquals(cooker.fault(), undefined);
    await write(VALID);
  });
});
