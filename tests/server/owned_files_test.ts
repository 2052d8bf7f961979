import { assertEquals, assertStringIncludes } from "@std/assert";
import { OwnedFiles } from "../../server/owned_files.ts";
import { FakeClock } from "../../system/fake_clock.ts";
import { canBeUnprivileged, unprivileged } from "../system/unprivileged.ts";

async function inFolder(test: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/lock`, "41\n");
    await test(`${folder}/lock`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("R20 OwnedFiles accepts a file that was not replaced, whatever its contents", () =>
  inFolder(async (path) => {
    const clock = new FakeClock();
    const files = new OwnedFiles([path], clock);
    assertEquals(files.check(), undefined);
    await Deno.writeTextFile(path, "42\n");
    await clock.advance(1000);
    assertEquals(files.check(), undefined);
  }));

Deno.test("R20 OwnedFiles detects a removed or replaced file within a second", () =>
  inFolder(async (path) => {
    const clock = new FakeClock();
    const files = new OwnedFiles([path], clock);
    assertEquals(files.check(), undefined);
    await Deno.rename(path, `${path}.old`);
    assertEquals(files.check(), undefined, "it looks once a second");
    await clock.advance(1000);
    assertStringIncludes(files.check() ?? "", `${path} was removed or replaced`);
    await Deno.writeTextFile(path, "41\n");
    await clock.advance(1000);
    assertStringIncludes(files.check() ?? "", `${path} was removed or replaced`);
    await Deno.rename(`${path}.old`, path);
    await clock.advance(1000);
    assertEquals(files.check(), undefined);
  }));

Deno.test({
  name: "R20 OwnedFiles does not report a file that is temporarily inaccessible",
  ignore: !canBeUnprivileged,
  fn: () =>
    inFolder(async (path) => {
      const clock = new FakeClock();
      const files = new OwnedFiles([path], clock);
      const folder = path.replace(/\/lock$/, "");
      await Deno.chmod(folder, 0);
      assertEquals(unprivileged(() => files.check()), undefined);
      await Deno.chmod(folder, 0o700);
      await Deno.remove(path);
      await clock.advance(1000);
      assertStringIncludes(files.check() ?? "", "was removed or replaced");
    }),
});
