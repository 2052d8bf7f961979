import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { connectToOwn, folderDistrust, linkDistrust } from "../../../system/net/own_server.ts";

async function inFolder(test: (folder: string) => Promise<void> | void): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a folder is trusted if it is not a link, belongs to this user, and has mode 0700", () =>
  inFolder(async (folder) => {
    assertEquals(folderDistrust(folder), undefined);
    await Deno.chmod(folder, 0o755);
    assertMatch(folderDistrust(folder) ?? "", /open to other users \(mode 755, not 700\)$/);
    await Deno.chmod(folder, 0o700);
    await Deno.symlink(folder, `${folder}/link`);
    assertMatch(folderDistrust(`${folder}/link`) ?? "", /link is a link$/);
    await Deno.writeTextFile(`${folder}/file`, "");
    assertMatch(folderDistrust(`${folder}/file`) ?? "", /file is not a folder$/);
  }));

Deno.test({
  name: "a folder of another user, and one behind another user's link, is not trusted" +
    (Deno.uid() === 0 ? "" : " (skipped: only root can give files away)"),
  ignore: Deno.uid() !== 0,
  fn: () =>
    inFolder(async (folder) => {
      await Deno.mkdir(`${folder}/a`, { mode: 0o700 });
      await Deno.symlink(folder, `${folder}/link`);
      assertEquals(linkDistrust(`${folder}/link/a`), undefined);
      await new Deno.Command("chown", { args: ["-h", "65534", `${folder}/link`] }).output();
      assertMatch(folderDistrust(`${folder}/link/a`) ?? "", /link is a link of user 65534$/);
      await Deno.chown(`${folder}/a`, 65534, 65534);
      assertMatch(folderDistrust(`${folder}/a`) ?? "", /belongs to user 65534, not to user 0$/);
    }),
});

Deno.test("connectToOwn connects to a listener of this user, even several times at once", () =>
  inFolder(async (folder) => {
    const path = `${folder}/socket`;
    using listener = Deno.listen({ transport: "unix", path });
    const theirs: Deno.Conn[] = [];
    const accepting = (async () => {
      for (let count = 0; count < 2; count++) theirs.push(await listener.accept());
    })();
    const mine = await Promise.all([connectToOwn(path), connectToOwn(path)]);
    await accepting;
    for (const each of [...mine, ...theirs]) each.close();
    await assertRejects(() => connectToOwn(`${folder}/absent`), Deno.errors.NotFound);
  }));
