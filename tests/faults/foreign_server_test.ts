/** A client sends nothing to another user's process, wherever the process listens. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { parentFolder } from "../../system/files/files.ts";
import { socketOf } from "../e2e/support.ts";
import { ForeignServer, noUsers, OtherUsers } from "./other_users.ts";

const CONFIG = JSON.stringify({ tasks: { test: "exit 9" } });
const UNHEARD = /^\d+ connections, 0 bytes$/;
const because = noUsers === undefined ? "" : ` (skipped: ${noUsers})`;

/** Creates a project of the client's user below the shared folder. */
async function projectOf(users: OtherUsers): Promise<string> {
  const project = await users.folderOf(users.client, "project", 0o755);
  await users.fileOf(users.client, "project/deno.json", CONFIG);
  return project;
}

Deno.test({
  name:
    `a client does not connect to another user's socket in a folder above the project${because}`,
  ignore: noUsers !== undefined,
  fn: async () => {
    await using users = await OtherUsers.create();
    const project = await projectOf(users);
    const state = await users.folderOf(users.listener, ".simmer", 0o755);
    const sockets = ["express.sock", "server.sock"].map((name) => `${state}/${name}`);
    await using server = await ForeignServer.start(users.listener, `${state}/lock`, ...sockets);
    const run = await users.simmer(project, "run", "test");
    assertEquals(run.code, 9, run.stderr);
    const stop = await users.simmer(project, "stop", "--force");
    assertEquals([stop.code, await server.end()], [0, "0 connections, 0 bytes"], stop.stderr);
  },
});

Deno.test({
  name: `tasks run without a server if the state of the workspace above belongs to another user, ` +
    `and an error says why${because}`,
  ignore: noUsers !== undefined,
  fn: async () => {
    await using users = await OtherUsers.create();
    const project = await projectOf(users);
    await users.fileOf(users.listener, "deno.json", '{"workspace":["./project"]}');
    const state = await users.folderOf(users.listener, ".simmer", 0o777);
    const sockets = ["express.sock", "server.sock"].map((name) => `${state}/${name}`);
    await using server = await ForeignServer.start(users.listener, `${state}/lock`, ...sockets);
    const run = await users.simmer(project, "run", "test");
    const status = await users.simmer(project, "status");
    assertEquals(await server.end(), "0 connections, 0 bytes");
    assertEquals(run.code, 9, run.stderr);
    assertStringIncludes(run.stderr, `it belongs to user ${users.listener}`);
    assertEquals(status.code, 3, status.stdout);
    assertStringIncludes(status.stderr, `it belongs to user ${users.listener}`);
  },
});

Deno.test({
  name:
    `a client refuses a server in its own state folder if the kernel reports another user${because}`,
  ignore: noUsers !== undefined,
  fn: async () => {
    await using users = await OtherUsers.create();
    const project = await projectOf(users);
    const state = await users.folderOf(users.client, "project/.simmer", 0o700);
    await users.fileOf(users.client, "project/.simmer/lock", "");
    const sockets = ["express.sock", "server.sock"].map((name) => `${state}/${name}`);
    await using server = await ForeignServer.start(users.listener, `${state}/lock`, ...sockets);
    const run = await users.simmer(project, "run", "test");
    const ping = await users.simmer(project, "ping", "--server", `unix:${state}/server.sock`);
    const heard = await server.end();
    for (const { code, stderr } of [run, ping]) {
      assertEquals(code, 4, stderr);
      assertMatch(
        stderr,
        new RegExp(`user ${users.listener} listens at .*, not user ${users.client}`),
      );
    }
    assertMatch(heard, UNHEARD);
    assertEquals(Number.parseInt(heard) >= 3, true, `the quick and the whole client: ${heard}`);
  },
});

Deno.test({
  name:
    `a client refuses a socket behind another user's link, but not behind its own user's link${because}`,
  ignore: noUsers !== undefined,
  fn: async () => {
    await using users = await OtherUsers.create();
    const project = await projectOf(users);
    assertEquals((await users.simmer(project, "run", "test")).code, 9);
    const folder = parentFolder(socketOf(project));
    for (const [name, uid] of [["theirs", users.listener], ["mine", users.client]] as const) {
      await Deno.symlink(folder, `${users.folder}/${name}`);
      await new Deno.Command("chown", { args: ["-h", `${uid}`, `${users.folder}/${name}`] })
        .output();
    }
    const through = (link: string): Promise<{ readonly code: number; readonly stderr: string }> =>
      users.simmer(project, "ping", "--server", `unix:${users.folder}/${link}/server.sock`);
    const theirs = await through("theirs");
    assertEquals(theirs.code, 4, theirs.stderr);
    assertStringIncludes(theirs.stderr, `theirs is a link of user ${users.listener}`);
    const mine = await through("mine");
    assertEquals(mine.code, 0, mine.stderr);
    assertEquals((await users.simmer(project, "stop", "--force")).code, 0);
  },
});
