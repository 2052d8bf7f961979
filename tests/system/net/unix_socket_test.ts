import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { writeAll } from "../../../system/net/streams.ts";
import { MAX_LISTEN_PATH_BYTES } from "../../../system/net/unix_path.ts";
import { connectUnix, UnixListener } from "../../../system/net/unix_socket.ts";

async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "s" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function names(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map((entry) => entry.name).sort();
}

Deno.test("a Unix socket carries bytes, and only its user has access to it", () =>
  inFolder(async (folder) => {
    using listener = UnixListener.listen(`${folder}/sock`);
    assertEquals(((await Deno.stat(listener.path)).mode ?? 0) & 0o777, 0o600);
    const [client, accepted] = await Promise.all([connectUnix(listener.path), listener.accept()]);
    assert(client !== undefined && accepted !== undefined);
    await writeAll(client, new TextEncoder().encode("hello"));
    const buffer = new Uint8Array(16);
    const count = await accepted.read(buffer);
    assertEquals(new TextDecoder().decode(buffer.subarray(0, count ?? 0)), "hello");
    client.close();
    assertEquals(await accepted.read(buffer), null);
    accepted.close();
  }));

Deno.test({
  name: "each accepted connection has the pid and uid of its peer from the kernel",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    inFolder(async (folder) => {
      using listener = UnixListener.listen(`${folder}/sock`);
      const script = "import os, socket, sys\n" +
        "s = socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\nsys.stdin.read()\n";
      const clients = [1, 2, 3].map(() =>
        new Deno.Command("python3", { args: ["-c", script, listener.path], stdin: "piped" }).spawn()
      );
      const accepted = [];
      for (const _ of clients) accepted.push(await listener.accept());
      assertEquals(
        accepted.map((stream) => stream?.peer?.pid).sort(),
        clients.map(({ pid }) => pid).sort(),
      );
      assertEquals(
        accepted.map((stream) => stream?.peer?.uid),
        clients.map(() => Deno.uid() ?? undefined),
      );
      for (const client of clients) await client.stdin.close();
      for (const client of clients) await client.status;
      for (const stream of accepted) stream?.close();
    }),
});

Deno.test("a listener replaces a stale socket and leaves no temporary file", () =>
  inFolder(async (folder) => {
    const path = `${folder}/sock`;
    const stale = Deno.listen({ transport: "unix", path: `${path}.old` });
    await Deno.rename(`${path}.old`, path);
    stale.close();
    assertEquals(names(folder), ["sock"]);
    assertEquals(await connectUnix(path), undefined, "nobody listens at a stale socket");
    using listener = UnixListener.listen(path);
    assertEquals(names(folder), ["sock"]);
    const [client, accepted] = await Promise.all([connectUnix(path), listener.accept()]);
    client?.close();
    accepted?.close();
  }));

Deno.test("R12 a listener removes only its own socket", () =>
  inFolder(async (folder) => {
    const path = `${folder}/sock`;
    const first = UnixListener.listen(path);
    const second = UnixListener.listen(path);
    assertEquals(first.unlink(), false);
    first.close();
    first.close();
    assertEquals(names(folder), ["sock"]);
    const [client, accepted] = await Promise.all([connectUnix(path), second.accept()]);
    client?.close();
    accepted?.close();
    second[Symbol.dispose]();
    assertEquals(names(folder), []);
  }));

Deno.test("accept returns undefined when the listener is closed", () =>
  inFolder(async (folder) => {
    const listener = UnixListener.listen(`${folder}/sock`);
    const accepting = listener.accept();
    listener[Symbol.dispose]();
    assertEquals(await accepting, undefined);
  }));

Deno.test("connectUnix returns undefined if there is no socket", async () => {
  assertEquals(await connectUnix("/nowhere/sock"), undefined);
});

Deno.test("a path that is too long for a socket is rejected with its length", () => {
  const path = `/tmp/${"x".repeat(MAX_LISTEN_PATH_BYTES)}`;
  const error = assertThrows(() => UnixListener.listen(path), TypeError);
  assertStringIncludes(error.message, `${path.length} bytes`);
  assertStringIncludes(error.message, "shorter folder");
});
