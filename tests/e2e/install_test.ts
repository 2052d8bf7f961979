import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fileKind } from "../../system/files/files.ts";
import { VERSION } from "../../wire/version.ts";
import { hasPerl, Project } from "./support.ts";

/** Beginnings of scripts that older versions installed. */
const INSTALLED = {
  thin: "#!/bin/sh\n# simmer's thin client: it writes its process id into a pipe\n",
  quick: "#!/bin/sh\n# simmer's quick client 0.0.9\n",
};

const CONFIG = { tasks: { a: "echo a" } };

Deno.test("simmer install replaces an older client, and uninstall removes the new one", async () => {
  for (const [name, text] of Object.entries(INSTALLED)) {
    await using project = await Project.create({ "deno.json": CONFIG, "bin/simmer": text });
    const path = `${project.root}/bin/simmer`;
    const install = await project.run(["install", "--dir", "bin"]);
    assertEquals(install.code, 0, install.stderr);
    assertStringIncludes(install.stdout, `installed ${path}: the `);
    assertStringIncludes(install.stdout, `${project.root}/bin is not on the PATH: add it.`);
    assertEquals(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o755);
    // The first run starts the server, which serves the second.
    for (const run of [1, 2]) {
      const { code, stdout, stderr } = await project.runProgram([path, "run", "-q", "a"]);
      assertEquals([code, stdout, stderr], [0, "a\n", ""], `${name}, run ${run}`);
    }
    const removed = await project.run(["uninstall", "--dir", "bin"]);
    assertEquals([removed.code, removed.stdout], [0, `removed ${path}\n`]);
    const absent = await project.run(["uninstall", "--dir", "bin"]);
    assertEquals([absent.code, absent.stdout], [0, `nothing is installed at ${path}\n`]);
  }
});

Deno.test("simmer install and uninstall do not touch another program", async () => {
  await using project = await Project.create({ "deno.json": CONFIG, "bin/simmer": "#!/bin/sh\n" });
  for (const command of ["install", "uninstall"]) {
    const { code, stderr } = await project.run([command, "--dir", "bin"]);
    assertEquals(code, 4, stderr);
    assertStringIncludes(stderr, `${project.root}/bin/simmer: `);
  }
  assertEquals(await project.read("bin/simmer"), "#!/bin/sh\n");
  await Deno.mkdir(`${project.root}/taken/simmer`, { recursive: true });
  const folder = await project.run(["install", "--dir", "taken"]);
  assertEquals(folder.code, 4, folder.stderr);
});

Deno.test("simmer install needs HOME or --dir", async () => {
  await using project = await Project.create({ "deno.json": CONFIG });
  const { code, stderr } = await project.run(["install"], { env: { HOME: "" } });
  assertEquals(code, 2);
  assertStringIncludes(stderr, "HOME is not set: give a folder with '--dir <dir>'");
  const home = `${project.root}/home`;
  const installed = await project.run(["install", "-q"], { env: { HOME: home } });
  assertEquals([installed.code, installed.stdout], [0, ""], installed.stderr);
  assertEquals(fileKind(`${home}/.local/bin/simmer`), "file");
});

Deno.test("simmer install --whole installs the whole client", async () => {
  await using project = await Project.create({ "deno.json": CONFIG });
  const { stdout } = await project.run(["install", "--dir", "bin", "--whole"]);
  assertStringIncludes(stdout, "/bin/simmer: the whole client\n");
  assertEquals((await project.read("bin/simmer")).includes("perl"), false);
  const run = await project.runProgram([`${project.root}/bin/simmer`, "run", "-q", "a"]);
  assertEquals([run.code, run.stdout], [0, "a\n"], run.stderr);
});

Deno.test("an installed client reports that its whole client cannot be run", async () => {
  await using project = await Project.create({ "deno.json": CONFIG });
  await project.run(["install", "--dir", "bin"]);
  const script = await project.read("bin/simmer");
  await project.write("bin/simmer", script.replaceAll(Deno.execPath(), "/gone/deno"));
  await Deno.chmod(`${project.root}/bin/simmer`, 0o755);
  // No server runs to which the client could send its command line.
  for (const words of [["run", "a"], ["logs"]]) {
    const path = `${project.root}/bin/simmer`;
    const { code, stderr } = await project.runProgram([path, ...words]);
    assertEquals(code, 3, stderr);
    assertMatch(stderr, /^simmer: cannot run \/gone\/deno: .*install simmer again\n$/);
  }
});

Deno.test({
  name: "the whole client takes over from a quick client of another version, with the same server" +
    (hasPerl() ? "" : " (skipped: there is no Perl)"),
  ignore: !hasPerl(),
  fn: async () => {
    await using project = await Project.create({ "deno.json": CONFIG });
    await project.run(["install", "--dir", "bin"]);
    const path = `${project.root}/bin/simmer`;
    const script = await project.read("bin/simmer");
    await project.write("bin/simmer", script.replaceAll(`'${VERSION}'`, "'0.0.9'"));
    await Deno.chmod(path, 0o755);
    await project.run(["run", "-q", "a"]);
    const server = await project.serverPid();
    const { code, stdout, stderr } = await project.runProgram([path, "run", "-q", "a"]);
    assertEquals([code, stdout, stderr], [0, "a\n", ""]);
    assertEquals(await project.serverPid(), server);
  },
});

Deno.test({
  name: "the quick client ignores variables that change Perl, and passes them to the task" +
    (hasPerl() ? "" : " (skipped: there is no Perl)"),
  ignore: !hasPerl(),
  fn: async () => {
    await using project = await Project.create({
      "deno.json": { tasks: { show: "sh -c 'echo $PERL5OPT $PERL_UNICODE $PERL_BADLANG'" } },
    });
    await project.run(["install", "--dir", "bin"]);
    await project.run(["run", "-q", "show"]);
    const environments = [
      { PERL5OPT: "-Mno_such_module" },
      { PERL5OPT: "-d" },
      { PERL_UNICODE: "SDA" },
      { PERL_BADLANG: "0" },
      { LC_ALL: "xx_YY.UTF-8" },
    ];
    for (const env of environments) {
      const words = [`${project.root}/bin/simmer`, "run", "-q", "show"];
      const { code, stdout, stderr } = await project.runProgram(words, { env });
      const [name, value] = Object.entries(env)[0] ?? ["", ""];
      const said = name === "LC_ALL" ? "\n" : `${value}\n`;
      assertEquals([code, stdout, stderr], [0, said, ""], name);
    }
  },
});

Deno.test("a new server removes the shell client's folder that an older server left", async () => {
  await using project = await Project.create({ "deno.json": CONFIG });
  await project.write(".simmer/thin/server", "1 1\n");
  await new Deno.Command("mkfifo", { args: [`${project.root}/.simmer/thin/door`] }).output();
  assertEquals((await project.run(["run", "a"])).stdout, "a\n");
  assertEquals(fileKind(`${project.root}/.simmer/thin`), undefined);
});
