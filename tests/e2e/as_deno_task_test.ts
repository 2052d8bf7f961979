/** Behaviour that the command line shares with `deno task` and npm. */

import { assertEquals } from "@std/assert";
import { Project } from "./support.ts";

Deno.test("simmer run --env-file reads files relative to the current folder, by the rules of deno task", async () => {
  await using project = await Project.create({
    "deno.json": { tasks: { k: "/usr/bin/printenv A B C" } },
    ".env": 'A=one\nB=${A}/x\nC="$A"\nA=two\n',
    "folder/x": "",
    "sub/.env": "A=sub\nB=$A\nC=3",
  });
  const all = ["--env-file=folder", "--env-file=none", "--env-file"];
  for (const how of [[], ["--no-server"], []]) {
    const run = async (options: readonly string[], folder = ""): Promise<string> =>
      (await project.run(["run", "-q", ...how, ...options, "k"], { folder })).stdout;
    assertEquals(await run(["--env-file"]), "one\none/x\none\n");
    assertEquals(await run(all), "one\none/x\none\n");
    assertEquals(await run(["--env-file"], "sub"), "sub\nsub\n3\n");
    assertEquals(await run(["--cwd", "sub", "--env-file"]), "one\none/x\none\n");
  }
});

Deno.test("simmer run --env-file=/dev/stdin reads the client's stdin, never the server's", async () => {
  await using project = await Project.create({
    "deno.json": { tasks: { k: "/usr/bin/printenv A", warm: "true" } },
  });
  await project.run(["run", "warm"]);
  for (const value of ["1", "2"]) {
    const { code, stdout } = await project.run(["run", "-q", "--env-file=/dev/stdin", "k"], {
      stdin: `A=${value}\n`,
    });
    assertEquals({ code, stdout }, { code: 0, stdout: `${value}\n` });
  }
});

Deno.test("simmer run --config is relative to the current folder, and a linked config has the link's folder", async () => {
  await using project = await Project.create({
    "deno.json": { tasks: { t: "echo root" } },
    "shared/deno.json": { tasks: { t: "pwd" } },
    "app/x": "",
  });
  await Deno.symlink("../shared/deno.json", `${project.root}/app/deno.json`);
  const run = async (...args: readonly string[]): Promise<string> =>
    (await project.run(["run", "-q", "--no-server", ...args, "t"])).stdout.trim();
  assertEquals(await run("--config", "app/deno.json"), `${project.root}/app`);
  assertEquals(await run("--cwd", "app", "--config", "shared/deno.json"), `${project.root}/app`);
  assertEquals(await run("--cwd", "app"), `${project.root}/app`);
  assertEquals(await run(), "root");
});

Deno.test("a folder that the workspace excludes has its own tasks and not those of the root", async () => {
  await using project = await Project.create({
    "deno.json": { workspace: ["./packages/*", "!./packages/x"], tasks: { dev: "echo root" } },
    "packages/a/deno.json": { tasks: { who: "echo a" } },
    "packages/x/deno.json": { tasks: { who: "echo x" } },
  });
  await project.run(["run", "dev"]);
  const run = (
    args: readonly string[],
    folder: string,
  ): Promise<{ code: number; stdout: string }> =>
    project.run(["run", "-q", ...args], { folder }).then(({ code, stdout }) => ({ code, stdout }));
  const x = "packages/x";
  assertEquals(await run(["-r", "who"], x), { code: 0, stdout: "x\n" });
  assertEquals(await run(["dev"], x), { code: 5, stdout: "" });
  assertEquals(await run(["dev"], "packages/a"), { code: 0, stdout: "root\n" });
  assertEquals(await run(["-r", "who"], ""), { code: 0, stdout: "a\n" });
  await project.run(["stop", "--force"], { folder: x });
});

Deno.test("simmer run OPTIONS -- TASK ARG… runs the task with its arguments", async () => {
  await using project = await Project.create({
    "deno.json": { tasks: { t: "echo task", "-x": "echo dash" } },
  });
  const run = async (...args: readonly string[]): Promise<string> =>
    (await project.run(["run", "-q", ...args])).stdout;
  assertEquals(await run("--", "t"), "task\n");
  assertEquals(await run("-j1", "--", "t", "--a", "-q"), "task --a -q\n");
  assertEquals(await run("--", "-x", "y"), "dash y\n");
  assertEquals(await run("--eval", "--", "echo a", "$b"), "a $b\n");
  assertEquals(await run("--no-server", "--", "t", "--", "b"), "task -- b\n");
});

Deno.test("simmer run passes Deno's own options to the deno that runs the tasks", async () => {
  await using project = await Project.create({
    "deno.json": { tasks: { echo: "echo task", plain: "/bin/echo task" } },
    "sub/x": "",
  });
  const run = async (args: readonly string[], folder = ""): Promise<readonly unknown[]> => {
    const { code, stdout } = await project.run(["run", "-q", ...args], { folder });
    return [code, stdout];
  };
  for (const task of ["echo", "plain"]) {
    assertEquals(await run(["--no-lock", "--frozen=false", task]), [0, "task\n"]);
    assertEquals(await run(["--unstable-kv", "--node-modules-dir=none", task]), [0, "task\n"]);
    assertEquals(await run(["--unstable-no-such-feature", task]), [1, ""], "Deno refuses it");
    assertEquals(await run([task]), [0, "task\n"], "the options of one run are not the next one's");
  }
  await project.write("sub/broken.lock", "this is no lock file");
  assertEquals(await run(["--lock", "broken.lock", "echo"], "sub"), [1, ""]);
  assertEquals(await run(["--lock=sub/broken.lock", "echo"]), [1, ""]);
  await project.write("deno.lock", "this is no lock file");
  assertEquals(await run(["--lock", "-q", "echo"]), [1, ""]);
  assertEquals(await run(["--no-lock", "echo"]), [0, "task\n"]);
});

Deno.test("output lines are prefixed with the package's name if tasks of several packages are shown", async () => {
  await using project = await Project.create({
    "deno.json": {
      workspace: ["./one", "./two"],
      tasks: { build: "echo root", root: { command: "echo r", dependencies: ["build"] } },
    },
    "one/deno.json": {
      name: "@foo/one",
      imports: { two: "jsr:@foo/two" },
      tasks: {
        dev: "echo 1",
        build: "echo member",
        both: { command: "echo b", dependencies: ["build", "root"] },
      },
    },
    "two/deno.json": {
      name: "@foo/two",
      version: "1.0.0",
      exports: "./x.ts",
      tasks: { dev: "echo 2" },
    },
  });
  const run = async (args: readonly string[], folder = ""): Promise<string> =>
    (await project.run(["run", "-q", "-j1", ...args], { folder })).stdout;
  assertEquals(await run(["--members", "dev"]), "[@foo/two#dev] 2\n[@foo/one#dev] 1\n");
  assertEquals(await run(["--no-prefix", "--members", "dev"]), "2\n1\n");
  assertEquals(await run(["-f", "one", "dev"]), "1\n");
  assertEquals(
    await run(["both"], "one"),
    "[@foo/one#build] member\n         [build] root\n          [root] r\nb\n",
  );
});

Deno.test("simmer run --cwd with a file uses the file's folder", async () => {
  await using project = await Project.create({
    "sub/deno.json": { tasks: { where: "pwd" } },
    "deno.json": { tasks: {} },
  });
  const { stdout } = await project.run([
    "run",
    "-q",
    "--no-server",
    "--cwd",
    "sub/deno.json",
    "where",
  ]);
  assertEquals(stdout, `${project.root}/sub\n`);
});

Deno.test("simmer run without a task lists the tasks as deno task does", async () => {
  await using project = await Project.create({
    "deno.json": { workspace: ["./foo", "./bar"] },
    "foo/deno.json": {
      name: "@x/foo",
      tasks: { t: { description: "a\r\nb\r\n", command: "echo" } },
    },
    "bar/deno.json": { name: "@x/bar", tasks: { t: "echo bar" } },
  });
  const list = (
    ...args: readonly string[]
  ): Promise<{ code: number; stdout: string; stderr: string }> =>
    project.run(["run", "--no-server", ...args]);
  assertEquals(
    (await list("--members")).stdout,
    "Available tasks (@x/bar):\n- t\n    echo bar\n" +
      "Available tasks (@x/foo):\n- t\n    // a\n    // b\n    echo\n",
  );
  assertEquals(await list("--filter", "nobody"), {
    code: 0,
    stdout: "",
    stderr: "simmer: No package name matches the filter 'nobody'\n",
  });
  const wrong = await list("--members", "-r", "t");
  assertEquals([wrong.code, wrong.stdout], [2, ""]);
});
