import { assertEquals } from "@std/assert";
import { FakeClock } from "../../../system/fake_clock.ts";
import { LogFile } from "../../../system/files/log_file.ts";
import { fileSize } from "../../../system/files/file_size.ts";
import { lastLines } from "../../../system/files/tail.ts";

async function inFolder(test: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  await test(`${folder}/log`);
  await Deno.remove(folder, { recursive: true });
}

Deno.test("log lines have a time and a level, and are appended to the file", () =>
  inFolder(async (path) => {
    await Deno.writeTextFile(path, "before\n");
    const clock = new FakeClock(Date.UTC(2026, 0, 2, 3, 4, 5, 6));
    using log = LogFile.open(path, { clock });
    log.log("info", "one");
    log.log("error", "two\nlines");
    await log.flush();
    assertEquals(
      await Deno.readTextFile(path),
      "before\n2026-01-02T03:04:05.006Z INFO  one\n2026-01-02T03:04:05.006Z ERROR two\nlines\n",
    );
  }));

Deno.test("a full log is rotated, and a limited number of old logs remains", () =>
  inFolder(async (path) => {
    using log = LogFile.open(path, { clock: new FakeClock(), maxBytes: 100, keep: 2 });
    for (let index = 0; index < 10; index++) log.log("info", `message ${index}`);
    const folder = path.slice(0, path.lastIndexOf("/"));
    const names = [...Deno.readDirSync(folder)].map((entry) => entry.name).sort();
    assertEquals(names, ["log", "log.1", "log.2"]);
    const newest = await Deno.readTextFile(path);
    assertEquals(newest.includes("message 9"), true);
    assertEquals((await Deno.readTextFile(`${path}.1`)).includes("message 7"), true);
    for (const name of names) assertEquals((fileSize(`${folder}/${name}`) ?? 0) <= 100, true);
  }));

Deno.test("lastLines returns the last lines of a file, only those after an offset", () =>
  inFolder(async (path) => {
    assertEquals([fileSize(path), lastLines(path, 5)], [undefined, []]);
    await Deno.writeTextFile(path, "a\nb\nc\n");
    assertEquals(lastLines(path, 2), ["b", "c"]);
    assertEquals(lastLines(path, 5, 4), ["c"]);
    assertEquals(lastLines(path, 5, 1000), ["a", "b", "c"], "a file that was begun anew");
  }));

Deno.test("R14 flush of a log works with a device that cannot be synchronized", async () => {
  using log = LogFile.open("/dev/null", { clock: new FakeClock() });
  log.log("info", "one");
  await log.flush();
});
