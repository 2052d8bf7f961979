/** What the whole command line shares with `deno task` and npm. */

import { assertEquals } from "@std/assert";
import { Project } from "./support.ts";

Deno.test("simmer run --env-file reads variables in the folder of the call, by deno task's rules", async () => {
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

Deno.test("simmer run --config is meant from the folder of the call, and a link from the link's folder", async () => {
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

Deno.test("a folder that the workspace excludes runs its own tasks and not the root's", async () => {
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
