/** The quick client sends nothing to a process of another user. */

import { assertEquals, assertMatch } from "@std/assert";
import { quickClient } from "../../forward/quick_client.ts";
import { parentFolder } from "../../system/files/files.ts";
import { VERSION } from "../../wire/version.ts";
import { hasPerl, socketOf } from "../e2e/support.ts";
import { ForeignServer, noUsers, OtherUsers } from "./other_users.ts";

const CONFIG = JSON.stringify({ tasks: { test: "exit 9" } });
/** Exit code of the stand-in for the whole client: the quick client has left the work to it. */
const LEFT = 33;

const reason = noUsers ?? (hasPerl() ? undefined : "no Perl");
const because = reason === undefined ? "" : ` (skipped: ${reason})`;

/** Installs a quick client that leaves what it cannot do to `exit 33`. */
async function install(users: OtherUsers): Promise<string> {
  const whole = `${users.folder}/whole`;
  await Deno.writeTextFile(whole, `#!/bin/sh\nexit ${LEFT}\n`);
  const path = `${users.folder}/quick`;
  const { arch } = Deno.build;
  const options = { version: VERSION, whole: [whole], perl: "/usr/bin/perl", arch } as const;
  await Deno.writeTextFile(path, quickClient({ ...options, os: "linux" }));
  for (const each of [whole, path]) await Deno.chmod(each, 0o755);
  return path;
}

/** Runs the quick client as the client's user. Returns its exit code. */
async function run(users: OtherUsers, path: string, cwd: string): Promise<number> {
  const user = [`--reuid=${users.client}`, `--regid=${users.client}`, "--clear-groups"];
  const { code } = await new Deno.Command("/usr/bin/setpriv", {
    args: [...user, path, "run", "test"],
    cwd,
    env: { HOME: `${users.folder}/home` },
  }).output();
  return code;
}

Deno.test({
  name: `the quick client sends nothing to another user's process, and leaves the work${because}`,
  ignore: reason !== undefined,
  fn: async () => {
    await using users = await OtherUsers.create();
    const path = await install(users);
    const project = await users.folderOf(users.client, "project", 0o755);
    await users.fileOf(users.client, "project/deno.json", CONFIG);
    const state = await users.folderOf(users.client, "project/.simmer", 0o700);
    await users.fileOf(users.client, "project/.simmer/lock", "");
    const socket = `${state}/server.sock`;
    await using server = await ForeignServer.start(users.listener, `${state}/lock`, socket);
    assertEquals(await run(users, path, project), LEFT);
    assertMatch(await server.end(), /^[1-9]\d* connections, 0 bytes$/);
  },
});

Deno.test({
  name: `the quick client does not connect if another user decides over a folder${because}`,
  ignore: reason !== undefined,
  fn: async () => {
    await using users = await OtherUsers.create();
    const path = await install(users);
    const project = await users.folderOf(users.client, "project", 0o755);
    await users.fileOf(users.client, "project/deno.json", CONFIG);
    assertEquals((await users.simmer(project, "run", "test")).code, 9);
    assertEquals(await run(users, path, project), 9, "its own server");
    const folder = parentFolder(socketOf(project));
    const state = `${project}/.simmer`;
    for (const each of [folder, state]) {
      await Deno.chmod(each, 0o755);
      assertEquals(await run(users, path, project), LEFT, `${each} is open to others`);
      await Deno.chmod(each, 0o700);
      await Deno.chown(each, users.listener, users.listener);
      await Deno.chmod(each, 0o711);
      assertEquals(await run(users, path, project), LEFT, `${each} belongs to another user`);
      await Deno.chown(each, users.client, users.client);
      await Deno.chmod(each, 0o700);
    }
    const lock = await Deno.readTextFile(`${state}/lock`);
    for (const [uid, code] of [[users.listener, LEFT], [users.client, 9]] as const) {
      const link = `${users.folder}/link-${uid}`;
      await Deno.symlink(folder, link);
      await new Deno.Command("chown", { args: ["-h", String(uid), link] }).output();
      await Deno.writeTextFile(`${state}/lock`, lock.replace(folder, `${link}/.`));
      assertEquals(await run(users, path, project), code, `a link of user ${uid}`);
    }
    await Deno.writeTextFile(`${state}/lock`, lock);
    assertEquals((await users.simmer(project, "stop", "--force")).code, 0);
  },
});
