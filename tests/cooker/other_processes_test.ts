/**
 * Tests a running cooker while other processes run tasks, and while workspace members and programs are
 * added and removed.
 */

import { assertEquals } from "@std/assert";
import { DirectCooker } from "./direct_cooker.ts";

/** Creates a temporary project with the given files, and returns its root. */
function projectOf(files: Readonly<Record<string, string>>): string {
  const root = Deno.realPathSync(Deno.makeTempDirSync());
  for (const [path, text] of Object.entries(files)) write(root, path, text);
  return root;
}

function write(root: string, path: string, text: string): void {
  Deno.mkdirSync(`${root}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
  Deno.writeTextFileSync(`${root}/${path}`, text);
}

const COPY = {
  "without outputs": { command: "cp src/f state", files: ["src"] },
  "with outputs": { command: "cp src/f state", files: ["src"], output: ["state"] },
} as const;

for (const [name, copy] of Object.entries(COPY)) {
  Deno.test(`a running cooker notices that another process ran a task ${name}`, async () => {
    const root = projectOf({ "deno.json": JSON.stringify({ tasks: { copy } }), "src/f": "1" });
    {
      await using hot = new DirectCooker(root);
      assertEquals((await hot.run(["copy"])).ran, ["copy"]);
      assertEquals((await hot.run(["copy"])).cached, ["copy"]);
      for (const text of ["2", "1", "2"]) {
        write(root, "src/f", text);
        {
          await using other = new DirectCooker(root);
          await other.run(["copy"]);
        }
        assertEquals(Deno.readTextFileSync(`${root}/state`), text);
        const last = text === "1" ? "2" : "1";
        write(root, "src/f", last);
        await hot.run(["copy"]);
        assertEquals(Deno.readTextFileSync(`${root}/state`), last);
        assertEquals((await hot.run(["copy"])).cached, ["copy"]);
      }
    }
    Deno.removeSync(root, { recursive: true });
  });
}

Deno.test("a running cooker reruns a task whose run failed in another process", async () => {
  const copy = { command: "cp src/f state && test ! -e bad", files: ["src"] };
  const root = projectOf({ "deno.json": JSON.stringify({ tasks: { copy } }), "src/f": "1" });
  {
    await using hot = new DirectCooker(root);
    await hot.run(["copy"]);
    write(root, "src/f", "2");
    write(root, "bad", "");
    {
      await using other = new DirectCooker(root);
      assertEquals((await other.run(["copy"])).exitCode, 1);
    }
    Deno.removeSync(`${root}/bad`);
    write(root, "src/f", "1");
    assertEquals((await hot.run(["copy"])).ran, ["copy"]);
    assertEquals(Deno.readTextFileSync(`${root}/state`), "1");
  }
  Deno.removeSync(root, { recursive: true });
});

Deno.test("a running cooker notices members that are added, removed or newly listed in the workspace", async () => {
  const member = (name: string): string =>
    JSON.stringify({ name: `@x/${name}`, tasks: { build: `echo ${name}` } });
  const root = projectOf({
    "deno.json": JSON.stringify({ workspace: ["./packages/*"] }),
    "packages/a/deno.json": member("a"),
  });
  {
    await using hot = new DirectCooker(root);
    const built = async (): Promise<string> =>
      (await hot.run(["build"], { recursive: true })).stdout.split("\n").sort().join(" ").trim();
    assertEquals(await built(), "a");
    assertEquals(await built(), "a");
    write(root, "packages/b/deno.json", member("b"));
    assertEquals(await built(), "a b");
    Deno.mkdirSync(`${root}/packages/c`);
    assertEquals(await built(), "a b");
    write(root, "packages/c/package.json", JSON.stringify({ scripts: { build: "echo c" } }));
    assertEquals(await built(), "a b c");
    Deno.renameSync(`${root}/packages/b`, `${root}/b`);
    assertEquals(await built(), "a c");
    Deno.removeSync(`${root}/packages/c`, { recursive: true });
    assertEquals(await built(), "a");
    write(root, "others/d/deno.json", member("d"));
    write(root, "deno.json", JSON.stringify({ workspace: ["./packages/*", "./others/*"] }));
    assertEquals(await built(), "a d");
    write(root, "others/e/deno.json", member("e"));
    assertEquals(await built(), "a d e");
    write(root, "deno.json", JSON.stringify({ workspace: ["./packages/*"] }));
    assertEquals(await built(), "a");
  }
  Deno.removeSync(root, { recursive: true });
});

Deno.test("a running cooker notices that a package's program is installed or removed", async () => {
  const root = projectOf({
    "package.json": JSON.stringify({ name: "x", scripts: { tool: "tool" } }),
  });
  {
    await using hot = new DirectCooker(root);
    assertEquals((await hot.run(["tool"])).exitCode, 127);
    write(root, "node_modules/.bin/tool", "#!/usr/bin/env node\nconsole.log('brought');\n");
    Deno.chmodSync(`${root}/node_modules/.bin/tool`, 0o755);
    assertEquals((await hot.run(["tool"])).stdout, "brought\n");
    Deno.removeSync(`${root}/node_modules`, { recursive: true });
    assertEquals((await hot.run(["tool"])).exitCode, 127);
  }
  Deno.removeSync(root, { recursive: true });
});
