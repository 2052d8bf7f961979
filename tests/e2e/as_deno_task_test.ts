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
