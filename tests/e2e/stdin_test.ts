/**
 * Rules for the client's stdin: which task reads it, and from which position.
 *
 * @module
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { type Finished, PLACES, Project, SIMMER } from "./support.ts";

const IGNORED = Deno.build.os !== "linux";

/** A Node script that runs a command with a text as stdin. Node gives its children sockets. */
const NODE_PARENT = `
  const [command, ...args] = process.argv.slice(2);
  const { stdout, stderr } = require("child_process")
    .spawnSync(command, args, { input: "from node\\n" });
  process.stdout.write(stdout);
  process.stderr.write(stderr);
`;

/** Runs a shell script in which "$@" is simmer. */
function shell(project: Project, script: string): Promise<Finished> {
  return project.runProgram(["/bin/bash", "-c", script, "bash", ...SIMMER]);
}

function hasNode(): boolean {
  try {
    return new Deno.Command("node", { args: ["--version"], stdout: "null" }).outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

for (const mode of PLACES) {
  const how = mode.length === 0 ? "through a server" : "without a server";
  const run = ["run", "-q", ...mode];

  Deno.test({
    name: `a script and its pre and post scripts read one stdin in turn, ${how} (Linux)`,
    ignore: IGNORED,
    fn: async () => {
      await using project = await Project.create({
        "package.json": {
          scripts: {
            preask: "sh -c 'read x; echo pre $x'",
            ask: "sh -c 'read x; echo $x'",
            postask: "cat",
          },
        },
      });
      const { stdout } = await project.run([...run, "ask"], { stdin: "no\nyes\nrest\n" });
      assertEquals(stdout, "pre no\nyes\nrest\n");
    },
  });

  Deno.test({
    name: `tasks that depend on each other read one stdin in turn, ${how} (Linux)`,
    ignore: IGNORED,
    fn: async () => {
      await using project = await Project.create({
        "deno.json": {
          tasks: {
            one: "sh -c 'read x; echo one $x'",
            two: { command: "sh -c 'read x; echo two $x'", dependencies: ["one"] },
            three: { command: "/bin/cat", dependencies: ["two"] },
          },
        },
      });
      const { stdout } = await project.run([...run, "three"], { stdin: "1\n2\n3\n4\n" });
      assertEquals(stdout, "one 1\ntwo 2\n3\n4\n");
    },
  });

  Deno.test({
    name:
      `the requested task reads stdin, but dependencies that can overlap do not, ${how} (Linux)`,
    ignore: IGNORED,
    fn: async () => {
      await using project = await Project.create({
        "deno.json": {
          tasks: {
            gen: "/bin/cat",
            other: "/bin/cat",
            a: { command: "/bin/cat", dependencies: ["gen", "other"] },
          },
        },
      });
      const { stdout } = await project.run([...run, "a"], { stdin: "x\n" });
      assertEquals(stdout, "x\n");
    },
  });

  Deno.test({
    name: `several tasks read stdin if they cannot overlap, ${how} (Linux)`,
    ignore: IGNORED,
    fn: async () => {
      await using project = await Project.create({
        "l": "1\n2\n",
        "deno.json": {
          tasks: {
            a: "sh -c 'read x; echo a $x'",
            b: { command: "sh -c 'read x; echo b $x'", dependencies: ["a"] },
            c: "sh -c 'read x; echo c $x'",
          },
        },
      });
      const words = run.join(" ");
      const chained = await shell(project, `"$@" ${words} a b < l`);
      assertEquals([chained.stdout, chained.stderr], ["a 1\nb 2\n", ""]);
      const one = await shell(project, `"$@" ${words} -j1 --no-prefix a c < l`);
      assertEquals([one.stdout, one.stderr], ["a 1\nc 2\n", ""]);
      const beside = await shell(project, `"$@" ${words} --no-prefix a c < l`);
      assertEquals(beside.stdout.split("\n").sort(), ["", "a", "c"]);
      assertEquals(beside.stderr.match(/Cannot pass stdin on/g)?.length, 1, beside.stderr);
      const silent = await shell(project, `"$@" ${words} --no-prefix a c < /dev/null`);
      assertEquals(silent.stderr, "");
    },
  });

  Deno.test({
    name: `a task reads stdin from the caller's file position and advances it, ${how} (Linux)`,
    ignore: IGNORED,
    fn: async () => {
      await using project = await Project.create({
        "l": "1\n2\n3\n4\n",
        "deno.json": { tasks: { one: "sh -c 'read x; echo got $x'" } },
      });
      const words = run.join(" ");
      const { stdout } = await shell(
        project,
        `{ read x; echo $x; "$@" ${words} one; "$@" ${words} one; cat; } < l`,
      );
      assertEquals(stdout, "1\ngot 2\ngot 3\n4\n");
    },
  });

  Deno.test({
    name: `a task reads a socket that a Node parent passes as stdin, ${how} (Linux, Node)`,
    ignore: IGNORED || !hasNode(),
    fn: async () => {
      await using project = await Project.create({
        "deno.json": { tasks: { c: "cat" } },
        "parent.cjs": NODE_PARENT,
      });
      await project.run(["ping"]);
      const { stdout, stderr } = await project.runProgram(
        ["node", "parent.cjs", ...SIMMER, ...run, "c"],
      );
      assertEquals([stdout, stderr], ["from node\n", ""]);
    },
  });

  Deno.test({
    name:
      `a task reads descriptors above 2 that its command, arguments or variables name, ${how} (Linux)`,
    ignore: IGNORED,
    fn: async () => {
      await using project = await Project.create({
        "deno.json": {
          tasks: {
            word: "/bin/cat",
            named: "/bin/cat /dev/fd/7",
            redirected: "sh -c 'cat <&8'",
            variable: "sh -c 'cat $FILE'",
            plain: "echo plain",
          },
        },
      });
      const words = run.join(" ");
      const outputOf = async (script: string): Promise<string> => {
        const { stdout, stderr } = await shell(project, script);
        assertEquals(stderr, "");
        return stdout;
      };
      assertEquals(await outputOf(`"$@" ${words} plain`), "plain\n");
      assertEquals(await outputOf(`"$@" ${words} word -- <(echo substituted)`), "substituted\n");
      assertEquals(await outputOf(`"$@" ${words} named 7<<< here`), "here\n");
      assertEquals(await outputOf(`"$@" ${words} redirected 8<<< there`), "there\n");
      assertEquals(await outputOf(`FILE=<(echo env) "$@" ${words} variable`), "env\n");
      const jobserver =
        `exec 9<<< token; MAKEFLAGS=' -j4 --jobserver-auth=9,9' "$@" ${words} --eval 'sh -c "cat <&9"'`;
      assertEquals(await outputOf(jobserver), "token\n");
    },
  });

  Deno.test({
    name: `a task's Node process sends an IPC message to the client's parent, ${how} (Linux, Node)`,
    ignore: IGNORED || !hasNode(),
    fn: async () => {
      await using project = await Project.create({
        "deno.json": { tasks: { child: "node child.cjs" } },
        "child.cjs": "process.send('hello'); process.disconnect();",
        "parent.cjs": `
          const [command, ...args] = process.argv.slice(2);
          const child = require("child_process")
            .spawn(command, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
          child.on("message", (message) => console.log("message:", message));
        `,
      });
      await project.run(["run", "-q", "--eval", "true"]);
      const { stdout, stderr } = await project.runProgram(
        ["node", "parent.cjs", ...SIMMER, ...run, "child"],
      );
      assertStringIncludes(stdout, "message: hello", stderr);
    },
  });
}
