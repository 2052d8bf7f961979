import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { TreeSignatures } from "../../../system/files/tree_signature.ts";

Deno.test("a signature has the kind of its path, and a missing path has no signature", () => {
  using signatures = new TreeSignatures();
  const root = Deno.makeTempDirSync();
  Deno.writeTextFileSync(`${root}/file`, "1");
  Deno.symlinkSync("nowhere", `${root}/link`);
  assertEquals(signatures.of(root)?.kind, "folder");
  assertEquals(signatures.of(`${root}/file`)?.kind, "file");
  assertEquals(signatures.of(`${root}/link`)?.kind, "link");
  assertEquals(signatures.of("/dev/null")?.kind, "other");
  assertEquals(signatures.of(`${root}/absent`), undefined);
  assertEquals(signatures.of(`${root}/file/below`), undefined);
  Deno.removeSync(root, { recursive: true });
});

Deno.test("a change always alters a signature that is not recent", () => {
  using signatures = new TreeSignatures();
  const root = Deno.makeTempDirSync();
  const path = `${root}/file`;
  const once = new Date(1e12);
  for (let count = 0; count < 500; count++) {
    Deno.writeTextFileSync(path, "made");
    Deno.utimeSync(path, once, once);
    const before = signatures.of(path);
    assert(before !== undefined);
    Deno.writeTextFileSync(path, "mine");
    Deno.utimeSync(path, once, once);
    if (!before.isRecent) assertNotEquals(signatures.of(path)?.text, before.text, `${count}`);
  }
  Deno.removeSync(root, { recursive: true });
});

Deno.test("a signature stops being recent after a while", async () => {
  using signatures = new TreeSignatures();
  const root = Deno.makeTempDirSync();
  Deno.writeTextFileSync(`${root}/file`, "1");
  while (signatures.of(`${root}/file`)?.isRecent === true) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  Deno.removeSync(root, { recursive: true });
});
