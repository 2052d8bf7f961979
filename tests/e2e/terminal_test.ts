/**
 * Rules for the output of tasks: a pseudo-terminal where the client's stdout and stderr are
 * terminals, one pipe where both are the same, and else two pipes.
 *
 * @module
 */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Project, SIMMER } from "./support.ts";

const IGNORED = Deno.build.os !== "linux";

const ESCAPE = "\x1b";

/** Prints what a program can see of its streams. */
const FACTS = `import os, sys
facts = [each.isatty() for each in (sys.stdin, sys.stdout, sys.stderr)]
size = os.get_terminal_size() if facts[1] else (0, 0)
print("facts", *facts[1:], *size, os.environ.get("FORCE_COLOR"))
`;

/** Writes lines to stdout and stderr in turn. */
const IN_TURN = `import os
for number in range(200):
    os.write(1 + number % 2, b"%d\\n" % number)
`;

const LINES = [...Array(200).keys()].map((number) => `${number}\n`).join("");

const FILES = {
  "facts.py": FACTS,
  "turn.py": IN_TURN,
  "deno.json": {
    tasks: {
      facts: "python3 facts.py",
      turn: "python3 turn.py",
      colors: "ls --color=auto",
      kept: 'ls --color=auto > kept && /bin/echo "$(ls --color=auto)" >> kept',
      paged: "sh -c '$PAGER facts.py && echo $GIT_PAGER'",
      pager: "sh -c 'echo pager $PAGER'",
      both: { dependencies: ["facts", "paged"] },
      count: "seq 20000",
    },
  },
};

for (const mode of [[], ["--no-server"]] as const) {
  const how = mode.length === 0 ? "through a server" : "without a server";
  const run = ["run", "-q", ...mode];

  Deno.test({
    name: `a task in a terminal sees a terminal of its size, and no FORCE_COLOR, ${how} (Linux)`,
    ignore: IGNORED,
    fn: async () => {
      await using project = await Project.create(FILES);
      const { stdout } = await project.run([...run, "facts"], { terminal: true });
      assertStringIncludes(stdout, "facts True True 80 24 None\r\n");
      const piped = await project.run([...run, "facts"]);
      assertStringIncludes(piped.stdout, "facts False False 0 0 None\n");
    },
  });

  Deno.test({
    name:
      `programs colour their output by the terminal, and not what they write to files, ${how} (Linux)`,
    ignore: IGNORED,
    fn: async () => {
      await using project = await Project.create({ ...FILES, "folder/file": "" });
      const { stdout } = await project.run([...run, "colors"], { terminal: true });
      assertMatch(stdout.replaceAll(ESCAPE, "ESC"), /ESC\[[\d;]*mfolder/);
      await project.run([...run, "kept"], { terminal: true });
      assertEquals((await project.read("kept")).includes(ESCAPE), false);
    },
  });

  Deno.test({
    name:
      `parallel tasks in a terminal see terminals, and no pager waits for a key, ${how} (Linux)`,
    ignore: IGNORED,
    fn: async () => {
      await using project = await Project.create(FILES);
      const { code, stdout } = await project.run([...run, "both"], { terminal: true });
      assertEquals(code, 0, stdout);
      assertStringIncludes(stdout, "facts True True 80 24 None\r\n");
      assertStringIncludes(stdout, "[paged] cat\r\n");
    },
  });

  Deno.test({
    name: `a pager that the user has chosen is kept, ${how} (Linux)`,
    ignore: IGNORED,
    fn: async () => {
      await using project = await Project.create(FILES);
      const env = { PAGER: "mine" };
      const { stdout } = await project.run([...run, "pager"], { terminal: true, env });
      assertStringIncludes(stdout, "pager mine\r\n");
    },
  });

  Deno.test({
    name: `stdout and stderr keep their order in a terminal, a pipe and a file, ${how} (Linux)`,
    ignore: IGNORED,
    fn: async () => {
      await using project = await Project.create(FILES);
      const seen = await project.run([...run, "turn"], { terminal: true });
      assertStringIncludes(seen.stdout, LINES.replaceAll("\n", "\r\n"));
      const script = `"$@" 2>&1 | cat; "$@" > both 2>&1`;
      const { stdout } = await project.runProgram(
        ["/bin/bash", "-c", script, "bash", ...SIMMER, ...run, "turn"],
      );
      assertEquals(stdout, LINES);
      assertEquals(await project.read("both"), LINES);
    },
  });

  Deno.test({
    name: `stdout and stderr stay apart if they are different pipes, ${how}`,
    fn: async () => {
      await using project = await Project.create(FILES);
      const { stdout, stderr } = await project.run([...run, "turn"]);
      const isEven = (line: string): boolean => Number(line) % 2 === 0;
      const lines = LINES.trimEnd().split("\n");
      assertEquals(stdout.trimEnd().split("\n"), lines.filter(isEven));
      assertEquals(stderr.trimEnd().split("\n"), lines.filter((line) => !isEven(line)));
    },
  });

  Deno.test({
    name: `a long output in a terminal arrives whole, ${how} (Linux)`,
    ignore: IGNORED,
    fn: async () => {
      await using project = await Project.create(FILES);
      const { stdout } = await project.run([...run, "count"], { terminal: true });
      const numbers = stdout.match(/\d+(?=\r\n)/g) ?? [];
      assertEquals(numbers.map(Number), [...Array(20_000).keys()].map((number) => number + 1));
    },
  });
}
