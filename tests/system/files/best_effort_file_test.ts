import { assertEquals } from "@std/assert";
import { BestEffortFile } from "../../../system/files/best_effort_file.ts";
import { FakeClock } from "../../../system/fake_clock.ts";
import { LogFile } from "../../../system/files/log_file.ts";

Deno.test("BestEffortFile writes data in order, and creates no file without data", async () => {
  const folder = await Deno.makeTempDir();
  const failures: string[] = [];
  for (const name of ["used", "unused"]) {
    using file = new BestEffortFile(`${folder}/${name}`, (error) => failures.push(error.message));
    if (name === "unused") continue;
    file.addText("a");
    file.add(new TextEncoder().encode("b"));
    file.addText("c");
  }
  assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["used"]);
  assertEquals([await Deno.readTextFile(`${folder}/used`), failures], ["abc", []]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test({
  name: "a full disk is reported once, whichever operation detects it",
  ignore: Deno.build.os !== "linux",
  fn: () => {
    const big = "x".repeat(200_000);
    const ways: ((file: BestEffortFile) => void)[] = [
      (file) => file.addText(big),
      (file) => {
        file.addText("a");
        file.flush();
      },
      (file) => file.addText("a"),
    ];
    for (const way of ways) {
      const failures: string[] = [];
      const file = new BestEffortFile("/dev/full", (error) => failures.push(error.message));
      way(file);
      for (let time = 0; time < 2; time++) {
        file.close();
        file.addText(big);
        file.flush();
      }
      assertEquals(failures, ["No space left on device (os error 28)"]);
      assertEquals(file.open(), false);
    }
  },
});

Deno.test("a missing folder is reported once", () => {
  const failures: Error[] = [];
  const lost = new BestEffortFile("/nowhere at all/file", (error) => failures.push(error));
  for (let time = 0; time < 3; time++) lost.addText("a");
  lost.close();
  assertEquals(failures.map((error) => error instanceof Deno.errors.NotFound), [true]);
});

Deno.test({
  name: "a log on a full disk loses its lines without an error",
  ignore: Deno.build.os !== "linux",
  fn: () => {
    using log = LogFile.open("/dev/full", { clock: new FakeClock() });
    for (let line = 0; line < 100; line++) log.log("info", "a line");
  },
});
