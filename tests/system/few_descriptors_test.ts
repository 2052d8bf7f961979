/** Acquisition in several steps leaks no descriptor if a step fails, whatever the step. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { BitbakeConnection } from "../../bitbake/driving/connection.ts";
import { BitbakeDoor } from "../../bitbake/serving/door.ts";
import { LockFile } from "../../lock/lock_file.ts";
import { serveLocally } from "../../app/local.ts";
import { systemClock } from "../../system/clock.ts";
import { GroupSpawner } from "../../system/process/group_spawner.ts";
import { LogFile } from "../../system/files/log_file.ts";
import { MemoryLogger } from "../../system/logger.ts";
import { connectTcp, TcpListener } from "../../system/net/tcp.ts";
import { connectUnix, UnixListener } from "../../system/net/unix_socket.ts";
import { Warden } from "../../system/process/warden.ts";
import { TestClient } from "../server/support.ts";
import { descriptorsOf, leaveDescriptors } from "./few_descriptors.ts";

const ignore = Deno.build.os !== "linux";

/** More descriptors than any attempt below needs. */
const ENOUGH = 40;

/** Acquires a resource and releases it. */
type Attempt = (folder: string) => Promise<void>;

/** Tries with 0, 1, 2 … descriptors until it succeeds. Returns the number of failed attempts. */
async function failures(attempt: Attempt, folder: string): Promise<number> {
  // The first attempt loads libraries that stay loaded.
  await attempt(folder);
  const before = descriptorsOf(Deno.pid);
  for (let free = 0; free < ENOUGH; free++) {
    let error: unknown;
    {
      using _shortage = leaveDescriptors(Deno.pid, free);
      try {
        await attempt(folder);
      } catch (caught) {
        error = caught;
      }
    }
    const left = descriptorsOf(Deno.pid).filter((each) => !before.includes(each));
    const links = left.map((each) => Deno.readLinkSync(`/proc/self/fd/${each}`));
    assertEquals(links, [], `${free} descriptors were free, and it failed with ${error}`);
    if (error === undefined) return free;
    assert(error instanceof Error);
  }
  throw new Error(`${ENOUGH} descriptors are too few`);
}

const ATTEMPTS: Readonly<Record<string, Attempt>> = {
  "a Unix listener and its connection": async (folder) => {
    using listener = UnixListener.listen(`${folder}/socket`);
    const client = await connectUnix(`${folder}/socket`);
    try {
      (await listener.accept())?.close();
    } finally {
      client?.close();
    }
  },
  "a TCP listener and its connection": async () => {
    using listener = TcpListener.listen({ host: "127.0.0.1", port: 0 });
    const client = await connectTcp({ host: "127.0.0.1", port: listener.port });
    try {
      (await listener.accept())?.close();
    } finally {
      client?.close();
    }
  },
  "a lock": async (folder) => {
    (await LockFile.acquire(`${folder}/lock`, { wait: "once" }))?.release();
  },
  "a log": (folder) => {
    using log = LogFile.open(`${folder}/log`, { clock: systemClock });
    log.log("info", "a line");
    return Promise.resolve();
  },
  "a warden": async () => {
    await using warden = new Warden();
    await warden.ready();
  },
  "a task's process": async () => {
    await using spawner = new GroupSpawner();
    const child = spawner.spawn({
      command: "/bin/true",
      args: [],
      cwd: "/",
      env: {},
      stdin: "empty",
    });
    await child.stdout.close();
    await child.stderr?.close();
    await child.exit;
  },
  "BitBake's door": async (folder) => {
    const door = await BitbakeDoor.open({ root: folder, log: new MemoryLogger() });
    assert(typeof door !== "string");
    door.listener[Symbol.dispose]();
    await door.close();
  },
  "a connection to BitBake": async (folder) => {
    using listener = UnixListener.listen(`${folder}/bitbake`);
    const connection = await BitbakeConnection.open(`${folder}/bitbake`, () => {});
    connection?.close();
    await connection?.ended;
    (await listener.accept())?.close();
    assert(connection !== undefined, "no descriptors could be sent");
  },
  "a server in this process": async (folder) => {
    const { channel, ended } = serveLocally({ root: folder });
    const client = new TestClient(channel);
    await client.hello({ project: { root: folder } });
    await client.leave();
    await ended;
  },
};

for (const [name, attempt] of Object.entries(ATTEMPTS)) {
  Deno.test({
    name: `${name} leaks no descriptor if too few are free`,
    ignore,
    fn: async () => {
      const folder = await Deno.realPath(await Deno.makeTempDir());
      assert(await failures(attempt, folder) > 0);
      await Deno.remove(folder, { recursive: true });
    },
  });
}

Deno.test({
  name: "a connection that takes the last descriptor still has its peer's pid from the kernel",
  ignore,
  fn: async () => {
    const folder = await Deno.realPath(await Deno.makeTempDir());
    using listener = UnixListener.listen(`${folder}/socket`);
    const client = await connectUnix(`${folder}/socket`);
    {
      using _shortage = leaveDescriptors(Deno.pid, 1);
      const accepted = await listener.accept();
      assertEquals(accepted?.peer?.pid, Deno.pid);
      accepted?.close();
    }
    client?.close();
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test({
  name: "a TCP connection whose user cannot be looked up is closed",
  ignore,
  fn: async () => {
    using listener = TcpListener.listen({ host: "127.0.0.1", port: 0 });
    const client = await connectTcp({ host: "127.0.0.1", port: listener.port });
    {
      using _shortage = leaveDescriptors(Deno.pid, 1);
      await assertRejects(() => listener.accept(), Error);
    }
    assertEquals(await client?.read(new Uint8Array(1)), null);
    client?.close();
  },
});
