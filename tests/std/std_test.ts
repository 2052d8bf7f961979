import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { parseArgs } from "@std/cli/parse-args";
import { copy, emptyDir, ensureDir, ensureDirSync, exists, existsSync } from "@std/fs";

Deno.test("@std/assert throws if an assertion fails", async () => {
  assertThrows(() => assertEquals(1, 2));
  assertThrows(() => assertThrows(() => {}));
  await assertRejects(() => assertRejects(() => Promise.resolve()));
});

Deno.test("@std/cli parses a command line", () => {
  const args = parseArgs(["--json", "--runs=3", "a"], { boolean: ["json"], string: ["runs"] });
  assertEquals([args.json, args.runs, args._], [true, "3", ["a"]]);
});

Deno.test("@std/fs creates, finds, copies and empties folders", async () => {
  const folder = await Deno.makeTempDir();
  await ensureDir(`${folder}/a/b`);
  ensureDirSync(`${folder}/a/b`);
  await Deno.writeTextFile(`${folder}/a/file`, "text");
  assertEquals(await exists(`${folder}/a/file`, { isFile: true }), true);
  assertEquals(existsSync(`${folder}/a/file`, { isDirectory: true }), false);
  assertEquals(await exists(`${folder}/none`), false);
  await copy(`${folder}/a`, `${folder}/c`);
  assertEquals(await Deno.readTextFile(`${folder}/c/file`), "text");
  await assertRejects(
    () => copy(`${folder}/a/file`, `${folder}/c/file`),
    Deno.errors.AlreadyExists,
  );
  await copy(`${folder}/a`, `${folder}/c`, { overwrite: true });
  await emptyDir(`${folder}/c`);
  assertEquals([...Deno.readDirSync(`${folder}/c`)], []);
  await assertRejects(() => ensureDir(`${folder}/a/file`));
  await Deno.remove(folder, { recursive: true });
});
