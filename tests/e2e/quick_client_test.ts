/** What a client does that sends its command line to a server; by the quick client, too. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Project, SENDS_COMMAND_LINES, SIMMER } from "./support.ts";

const CONFIG = {
  tasks: {
    a: "echo a",
    env: "sh -c 'printenv ODD EMPTY'",
    words: "printf '[%s]'",
    both: "sh -c 'echo out; echo err >&2; exit 7'",
    big: "sh -c 'head -c 30000000 /dev/zero'",
    cat: "cat",
    slow: "sh -c 'echo up; sleep 600'",
    many: "yes",
    where: "pwd",
  },
};

/** A project whose server runs. */
async function served(): Promise<Project> {
  const project = await Project.create({ "deno.json": CONFIG, "sub/x": "" });
  assertEquals((await project.run(["run", "-q", "a"])).code, 0);
  return project;
}

/** Runs a script of bash, whose words `"$@"` run simmer. */
function shell(project: Project, script: string, env: Record<string, string> = {}): Promise<
  { readonly code: number; readonly stdout: string; readonly stderr: string }
> {
  return project.runProgram(["bash", "-c", script, "bash", ...SIMMER], { env });
}

Deno.test("words, variables and exit codes arrive as they are", async () => {
  await using project = await served();
  const words = ["", "a b", "'", '"$HOME"', "ä\u{1f600}", "\\n", "x\ny", "-x", "--"];
  const { stdout } = await project.run(["run", "-q", "words", "--", ...words]);
  assertEquals(stdout, words.map((word) => `[${word}]`).join(""));
  const env = { ODD: "a=b\nc 'd' \"e\" \\ ä", EMPTY: "" };
  const shown = await project.run(["run", "-q", "env"], { env });
  assertEquals(shown.stdout, `${env.ODD}\n\n`);
  const both = await project.run(["run", "-q", "both"]);
  assertEquals([both.code, both.stdout], [7, "out\n"]);
  assertStringIncludes(both.stderr, "err\n");
});

Deno.test("an environment of 1 MB and output of 30 MB pass", async () => {
  await using project = await served();
  const env = Object.fromEntries(
    Array.from({ length: 20 }, (_, index) => [`BIG_${index}`, "x".repeat(50_000)]),
  );
  const { stdout } = await shell(project, '"$@" run -q big | wc -c', env);
  assertEquals(Number(stdout), 30_000_000);
});

Deno.test("a reader that leaves ends the client as it ends any program", async () => {
  await using project = await served();
  const { stdout, stderr } = await shell(
    project,
    '"$@" run -q many | head -1; echo ${PIPESTATUS[0]}',
  );
  assertEquals([stdout, stderr], ["y\n141\n", ""]);
});

Deno.test("closed streams are empty ones, and no other file", async () => {
  await using project = await served();
  const closed = await shell(project, '"$@" run -q cat <&-; echo $?');
  assertEquals([closed.stdout, closed.stderr], ["0\n", ""]);
  const silent = await shell(project, '"$@" run -q both >&- 2>&-; echo $?');
  assert(["7\n", "74\n"].includes(silent.stdout), silent.stdout);
});

Deno.test("a file's position is shared with the task, as stdin and as stdout", async () => {
  await using project = await served();
  const script = 'printf "1\\n2\\n3\\n" > in; { read x; "$@" run -q cat; } < in; ' +
    '{ echo before; "$@" run -q a; echo after; } > out; cat out';
  assertEquals((await shell(project, script)).stdout, "2\n3\nbefore\na\nafter\n");
});

Deno.test("a signal that ends the command ends the client, too", async () => {
  await using project = await served();
  for (const [signal, code] of [["INT", 130], ["TERM", 143]] as const) {
    const script = `set -m; "$@" run -q slow > up & until [ -s up ]; do sleep 0.01; done; ` +
      `kill -${signal} $!; wait $!; echo $?; rm up`;
    assertEquals((await shell(project, script)).stdout, `${code}\n`, signal);
  }
});

Deno.test("a command from a folder of the project runs as from its root", async () => {
  await using project = await served();
  const { stdout } = await project.run(["run", "-q", "where"], { folder: "sub" });
  assertEquals(stdout, `${project.root}\n`);
});

Deno.test("what a client leaves to the whole client is done: no server, options of place, other commands", async () => {
  await using project = await Project.create({ "deno.json": CONFIG, "sub/x": "" });
  const lines = [
    ["run", "-q", "a"],
    ["run", "-q", "--no-server", "a"],
    ["run", "-q", "--cwd", project.root, "a"],
    ["run", "-q", "-c", "deno.json", "a"],
  ];
  for (const words of lines) {
    const { code, stdout, stderr } = await project.run(words);
    assertEquals([code, stdout], [0, "a\n"], `${words}: ${stderr}`);
  }
  assertEquals((await project.run(["--version"])).code, 0);
  assertEquals((await project.run(["nonsense"])).code, 2);
});

Deno.test({
  name: "a server of another version is replaced, without a word of the client that it refused",
  ignore: !SENDS_COMMAND_LINES,
  fn: async () => {
    await using project = await served();
    const before = await project.serverPid();
    // The whole client finds out, too, that this is not the server's version.
    const { code, stderr } = await project.run(["run", "-q", "a", "--config", "deno.json"]);
    assertEquals(code, 0, stderr);
    assert(await project.serverPid() !== before, "a server with a config that was named");
    const again = await project.run(["run", "-q", "a"]);
    assertEquals([again.code, again.stdout], [0, "a\n"], again.stderr);
  },
});
