import { assertEquals } from "@std/assert";
import { removeOrphanedFiles } from "../../../system/files/temporary_files.ts";
import { temporaryPath, writeAtomically } from "../../../system/files/files.ts";

Deno.test("removeOrphanedFiles removes the temporary files of ended writers, and no other files", async () => {
  const folder = await Deno.makeTempDir();
  const { pid, status } = new Deno.Command("true").spawn();
  await status;
  const own = temporaryPath(`${folder}/own`);
  const gone = own.replace(`.${Deno.pid}.`, `.${pid}.`);
  const others = ["lock", "results.jsonl", "a.1.2", `x.${pid}.0123abcd.txt`];
  writeAtomically(`${folder}/whole`, "text");
  for (const name of others) await Deno.writeTextFile(`${folder}/${name}`, "");
  await Deno.writeTextFile(own, "half");
  await Deno.writeTextFile(gone, "half");
  await Deno.symlink("nowhere", gone.replace("/own", "/link"));
  removeOrphanedFiles(folder);
  const names = [...Deno.readDirSync(folder)].map(({ name }) => `${folder}/${name}`);
  const expected = ["whole", ...others].map((name) => `${folder}/${name}`);
  assertEquals(names.sort(), [...expected, own].sort());
  await Deno.remove(folder, { recursive: true });
  removeOrphanedFiles(folder);
});
