import { assertEquals, assertStringIncludes } from "@std/assert";
import { fileKind } from "../../system/files/files.ts";
import { Project } from "./support.ts";

/** The beginning of the script that older versions installed. */
const SHELL_CLIENT = "#!/bin/sh\n# simmer's thin client: it writes its process id into a pipe\n";

Deno.test("simmer uninstall removes an installed shell client and no other program", async () => {
  await using project = await Project.create({ "deno.json": {}, "bin/simmer": SHELL_CLIENT });
  const path = `${project.root}/bin/simmer`;
  const removed = await project.run(["uninstall", "--dir", "bin"]);
  assertEquals([removed.code, removed.stdout], [0, `removed ${path}\n`]);
  assertEquals(fileKind(path), undefined);
  const absent = await project.run(["uninstall", "--dir", "bin"]);
  assertEquals([absent.code, absent.stdout], [0, `no shell client is installed at ${path}\n`]);
  await project.write("bin/simmer", "#!/bin/sh\n");
  const foreign = await project.run(["uninstall", "--dir", "bin"]);
  assertEquals(foreign.code, 4);
  assertStringIncludes(foreign.stderr, path);
  assertEquals(fileKind(path), "file");
});

Deno.test("simmer install says that it is gone and names uninstall as what remains", async () => {
  await using project = await Project.create({ "deno.json": {} });
  const { code, stderr } = await project.run(["install"]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, "this version has no 'install'");
  assertStringIncludes(stderr, "'simmer uninstall' removes the shell client");
  const help = await project.run(["uninstall", "--help"]);
  assertStringIncludes(help.stdout, "no 'simmer install'");
});

Deno.test("a new server removes the shell client's folder that an older server left", async () => {
  await using project = await Project.create({ "deno.json": { tasks: { a: "echo a" } } });
  await project.write(".simmer/thin/server", "1 1\n");
  await new Deno.Command("mkfifo", { args: [`${project.root}/.simmer/thin/door`] }).output();
  assertEquals((await project.run(["run", "a"])).stdout, "a\n");
  assertEquals(fileKind(`${project.root}/.simmer/thin`), undefined);
});
