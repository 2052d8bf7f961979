import { assert, assertEquals, assertMatch } from "@std/assert";
import { SocketFolder } from "../../project/socket_folder.ts";
import { parentFolder } from "../../system/files/files.ts";
import { pathExists } from "../../system/files/path_exists.ts";
import { MAX_LISTEN_PATH_BYTES } from "../../system/net/unix_path.ts";

const isRoot = Deno.uid() === 0;

/** Creates a folder for temporary files, with a project in it. */
async function inTemporary(
  work: (temporary: string, root: string) => Promise<void> | void,
): Promise<void> {
  const temporary = await Deno.realPath(await Deno.makeTempDir({ dir: "/tmp" }));
  const root = `${temporary}/project`;
  await Deno.mkdir(root);
  try {
    await work(temporary, root);
  } finally {
    await Deno.remove(temporary, { recursive: true });
  }
}

function mode(path: string): number {
  return (Deno.lstatSync(path).mode ?? 0) & 0o777;
}

Deno.test("a socket folder is private, lies in the runtime folder, and is named after the project's path", () =>
  inTemporary((temporary, root) => {
    const runtimeDir = `${temporary}/run`;
    Deno.mkdirSync(runtimeDir);
    const place = { runtimeDir, uid: 7, temporary };
    using folder = SocketFolder.make(root, place);
    assertMatch(folder.socket, new RegExp(`^${runtimeDir}/simmer/[0-9a-f]{16}/server\\.sock$`));
    assertEquals(mode(parentFolder(folder.socket)), 0o700);
    assertEquals(mode(`${runtimeDir}/simmer`), 0o700);
    using again = SocketFolder.make(root, place);
    assertEquals(again.socket, folder.socket);
    using other = SocketFolder.make(`${root}y`, place);
    assert(other.socket !== folder.socket);
  }));

Deno.test("a runtime folder that is empty, relative, missing or too long counts as unset", () =>
  inTemporary((temporary, root) => {
    const long = `${temporary}/${"x".repeat(MAX_LISTEN_PATH_BYTES)}`;
    Deno.mkdirSync(long);
    for (const runtimeDir of [undefined, "", "run", "../run", `${temporary}/missing`, long]) {
      using folder = SocketFolder.make(root, { runtimeDir, uid: 7, temporary });
      assertMatch(folder.socket, new RegExp(`^${temporary}/simmer-7/[0-9a-f]{16}/`), runtimeDir);
    }
  }));

Deno.test({
  name: "a folder for sockets that belongs to another user, or is a symbolic link, is not used" +
    (isRoot ? "" : " (skipped: only root can act as another user)"),
  ignore: !isRoot,
  fn: () =>
    inTemporary(async (temporary, root) => {
      const place = { runtimeDir: undefined, uid: 0, temporary };
      const taken = `${temporary}/simmer-0`;
      await Deno.mkdir(taken, { mode: 0o777 });
      await Deno.chown(taken, 65534, 65534);
      using beside = SocketFolder.make(root, place);
      await Deno.remove(taken, { recursive: true });
      await Deno.symlink(root, taken);
      using another = SocketFolder.make(root, place);
      for (const { socket } of [beside, another]) {
        assertMatch(socket, new RegExp(`^${temporary}/simmer-0-[^/]+/server\\.sock$`));
        assertEquals(mode(parentFolder(socket)), 0o700);
      }
      assertEquals([...Deno.readDirSync(root)], []);
    }),
});

Deno.test("a socket folder is removed with its server, or after the project of a killed server is deleted", () =>
  inTemporary(async (temporary, root) => {
    const place = { runtimeDir: undefined, uid: 7, temporary };
    const folder = SocketFolder.make(root, place);
    folder[Symbol.dispose]();
    assertEquals(pathExists(parentFolder(folder.socket)), false);
    const killed = SocketFolder.make(root, place);
    await Deno.writeTextFile(killed.socket, "");
    const lives = SocketFolder.make(temporary, place);
    await Deno.remove(root);
    using _next = SocketFolder.make(`${temporary}/next`, place);
    assertEquals(pathExists(parentFolder(killed.socket)), false);
    assertEquals(pathExists(parentFolder(lives.socket)), true);
  }));
