import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { unicodeWidth } from "@std/cli/unicode-width";
import { copy, emptyDir, ensureDir, ensureDirSync, exists, existsSync } from "@std/fs";

Deno.test("@std/assert fails where it should", async () => {
  assertThrows(() => assertEquals(1, 2));
  assertThrows(() => assertThrows(() => {}));
  await assertRejects(() => assertRejects(() => Promise.resolve()));
});

Deno.test("@std/cli knows how wide a text is", () => {
  assertEquals(["abc", "日本", "\x1b[31mred\x1b[0m"].map(unicodeWidth), [3, 4, 3]);
});

Deno.test("@std/fs makes, finds, copies and empties", async () => {
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
