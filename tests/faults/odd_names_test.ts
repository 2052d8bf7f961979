/** Names that every JavaScript object already has. Users may give them to tasks and variables. */

import { assertEquals } from "@std/assert";
import { DirectCooker } from "../cooker/direct_cooker.ts";
import { Project, SIMMER } from "../e2e/support.ts";

const NAMES = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "valueOf"];

/** Returns JSON of an object with these names as keys. A literal would set the prototype. */
function json(value: (name: string) => unknown): string {
  const members = NAMES.map((name) => `${JSON.stringify(name)}: ${JSON.stringify(value(name))}`);
  return `{ ${members.join(", ")} }`;
}

Deno.test("variables with names of object members reach a task, with and without a server", async () => {
  await using project = await Project.create({
    "deno.json": { tasks: { print: `/usr/bin/printenv ${NAMES.join(" ")}` } },
  });
  const env = JSON.parse(json((name) => `value of ${name}`)) as Record<string, string>;
  const expected = NAMES.map((name) => `value of ${name}\n`).join("");
  for (const how of [["--no-server"], [], []]) {
    const { code, stdout } = await project.run(["run", "-q", ...how, "print"], { env });
    assertEquals({ code, stdout }, { code: 0, stdout: expected }, how.join());
  }
});

Deno.test("tasks, scripts, dependencies and packages may have names of object members", async () => {
  const root = await Deno.realPath(await Deno.makeTempDir());
  const tasks = json((name) => ({ command: `echo task ${name}` }));
  await Deno.writeTextFile(`${root}/deno.json`, `{ "workspace": ["./m"], "tasks": ${tasks} }`);
  await Deno.mkdir(`${root}/m`);
  const scripts = json((name) => `echo script ${name}`);
  await Deno.writeTextFile(
    `${root}/m/package.json`,
    `{ "name": "__proto__", "config": ${json((name) => `of ${name}`)}, "scripts": ${scripts} }`,
  );
  const all = JSON.stringify({ all: { dependencies: NAMES } });
  await Deno.writeTextFile(`${root}/m/deno.json`, `{ "tasks": ${all} }`);
  {
    await using cooker = new DirectCooker(root);
    for (const name of NAMES) {
      assertEquals((await cooker.run([name])).stdout, `task ${name}\n`);
      const { stdout } = await cooker.run([name], { recursive: true });
      assertEquals(stdout.split("\n").sort(), ["", `script ${name}`, `task ${name}`]);
    }
    const { exitCode, stdout } = await cooker.run(["all"], { cwd: `${root}/m`, jobs: 1 });
    assertEquals([exitCode, stdout], [0, NAMES.map((name) => `script ${name}\n`).join("")]);
    const unknown = await cooker.run(["isPrototypeOf"]);
    assertEquals([unknown.exitCode, unknown.error?.code], [5, unknown.error?.code]);
  }
  await Deno.remove(root, { recursive: true });
});

Deno.test("a result depends on variables and dependencies with names of object members", async () => {
  const root = await Deno.realPath(await Deno.makeTempDir());
  const pairs = NAMES.map((name) => [
    `${JSON.stringify(name)}: { "command": "cat in.txt", "files": ["in.txt"], "env": ["CHANGED"] }`,
    `${JSON.stringify(`after ${name}`)}: ` + JSON.stringify({
      command: "cat in.txt",
      files: ["in.txt"],
      dependencies: [name],
    }),
    `${JSON.stringify(`with ${name}`)}: ` + JSON.stringify({
      command: "cat in.txt",
      files: ["in.txt"],
      env: [name],
    }),
  ]);
  await Deno.writeTextFile(`${root}/deno.json`, `{ "tasks": { ${pairs.flat().join(", ")} } }`);
  await Deno.writeTextFile(`${root}/in.txt`, "in\n");
  {
    await using cooker = new DirectCooker(root);
    const env = (variables: string): Record<string, string> => ({
      ...JSON.parse(variables) as Record<string, string>,
      PATH: Deno.env.get("PATH") ?? "",
    });
    for (const name of NAMES) {
      const set = env(`{ ${JSON.stringify(name)}: "1" }`);
      const other = env(`{ ${JSON.stringify(name)}: "2" }`);
      const task = `with ${name}`;
      for (const [given, ran] of [[env("{}"), 1], [env("{}"), 0], [set, 1], [set, 0], [other, 1]]) {
        const more = { env: given as Record<string, string> };
        const run = await cooker.run([task], more);
        assertEquals([run.exitCode, run.ran.length], [0, ran], `${task} ${JSON.stringify(more)}`);
      }
      for (const [value, ran] of [["1", 2], ["1", 0], ["2", 2]] as const) {
        const run = await cooker.run([`after ${name}`], { env: env(`{ "CHANGED": "${value}" }`) });
        assertEquals([run.exitCode, run.ran.length], [0, ran], `after ${name} ${value}`);
      }
    }
  }
  await Deno.remove(root, { recursive: true });
});

Deno.test("a client works with an open descriptor of a file whose name is not UTF-8", async () => {
  await using project = await Project.create({ "deno.json": { tasks: { hello: "echo hello" } } });
  const script = `name=$(printf 'bad\\377') && : > "$name" && exec "$@" 3< "$name"`;
  for (
    const args of [["run", "hello"], ["run", "hello"], ["status"], ["run", "--no-server", "hello"]]
  ) {
    const { code, stderr } = await project.runProgram([
      "sh",
      "-c",
      script,
      "sh",
      ...SIMMER,
      ...args,
    ]);
    assertEquals(code, 0, `${args.join(" ")}: ${stderr}`);
  }
});
