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

Deno.test({
  name:
    "cached output is replayed with its colours in a terminal, and without them in a pipe (Linux)",
  ignore: IGNORED,
  fn: async () => {
    await using project = await Project.create({
      "folder/file": "",
      "deno.json": {
        tasks: { list: { command: "ls --color=auto -1", files: ["folder/*"], output: [] } },
      },
    });
    // The helpers set NO_COLOR.
    const seen = await project.run(["run", "-q", "list"], { terminal: true });
    const colored = /folder.*$/m.exec(seen.stdout)?.[0] ?? "";
    assertStringIncludes(colored, ESCAPE);
    const again = ["run", "-q", "--replay-logs=full"];
    const inTerminal = await project.run([...again, "--color=always", "list"], { terminal: true });
    assertStringIncludes(inTerminal.stdout, colored);
    assertEquals((await project.run([...again, "list"])).stdout, "deno.json\nfolder\n");
    const always = await project.run([...again, "--color=always", "list"]);
    assertStringIncludes(always.stdout, ESCAPE);
  },
});

/** A program, and the keys for it, each after a text that it prints. */
interface Dialogue {
  readonly command: string;
  readonly keys: readonly (readonly [after: string, keys: string])[];
  /** True if only the exit code is compared. */
  readonly isLoose?: boolean;
}

/** Programs that behave differently in a terminal. */
const DIALOGUES: Readonly<Record<string, Dialogue>> = {
  tty: { command: "sh -c 'tty | tr -s 0-9 N; stty size; stty -a | tail -n +2'", keys: [] },
  streams: { command: "sh -c 'for n in 0 1 2; do test -t $n && echo yes $n; done'", keys: [] },
  control: {
    command:
      "sh -c 'echo through /dev/tty > /dev/tty; ps -o tpgid= -o pgid= -p $$ | tr -d \"0-9\"'",
    keys: [],
  },
  colors: { command: "ls --color=auto", keys: [] },
  less: { command: "less words", keys: [["first", "q"]] },
  vi: { command: "vi -u NONE -c 'set nocompatible' written", keys: [["~", "iby vi\x1b:wq\r"]] },
  password: {
    command: "bash -c 'read -s -p \"word: \" x; echo; echo got $x'",
    keys: [["word: ", "secret\r"]],
  },
  line: { command: "bash -c 'echo up; read x; echo got $x'", keys: [["up", "worx\x7fd\r"]] },
  end: { command: "sh -c 'echo up; cat; echo over'", keys: [["up", "a\r"], ["a\r\na", "\x04"]] },
  jobs: {
    command: "bash --norc -i",
    keys: [
      ["# ", "python3 job.py\r"],
      ["begun", "\x1a"],
      ["Stopped", ""],
      ["# ", "fg\r"],
      ["continued", "\x03"],
      ["# ", "exit 5\r"],
    ],
    // Echoes of keys that come between two modes of the terminal depend on the time.
    isLoose: true,
  },
};

/**
 * Starts no process: a shell that is suspended while it starts one would not stop, as `vfork` waits
 * for the process, which has stopped.
 */
const JOB = `import signal, time
signal.signal(signal.SIGCONT, lambda *_: print("continued", flush=True))
signal.signal(signal.SIGINT, signal.SIG_DFL)
print("begun", flush=True)
while True:
    time.sleep(0.1)
`;

const TALKING = {
  "words": "first\nsecond\n",
  "job.py": JOB,
  "folder/file": "",
  "deno.json": {
    tasks: {
      ...Object.fromEntries(
        Object.entries(DIALOGUES).map(([name, { command }]) => [name, command]),
      ),
      warm: "echo warm",
      two: { command: "bash -c 'echo two; read x; echo two $x'", dependencies: ["line"] },
      size: "bash -c 'stty size; read x; stty size'",
      // A shell goes on after Ctrl-C if the process that it waits for has ended by itself.
      trapped:
        'bash -c \'trap "exit 130" INT; trap "stty size" WINCH; echo up; while sleep 0.1; do :; done\'',
      long: "bash -c 'echo up; sleep 600'",
      idle: "bash -c 'echo up; read x; echo got $x'",
    },
  },
};

/** Runs a program in a terminal, and types keys. */
async function talk(
  project: Project,
  program: readonly string[],
  { keys }: Dialogue,
): Promise<{ readonly code: number; readonly stdout: string }> {
  const env = { TERM: "xterm", PS1: "# ", LC_ALL: "C.UTF-8" };
  const running = project.startProgram(program, { terminal: true, env });
  let seen = 0;
  for (const [after, typed] of keys) {
    seen = await running.stdout.after(after, seen);
    await running.type(typed);
  }
  return await running.finished();
}

const WAYS: Readonly<Record<string, readonly string[]>> = {
  "through a server": [...SIMMER, "run", "-q"],
  "without a server": [...SIMMER, "run", "-q", "--no-server"],
};

for (const [how, words] of Object.entries(WAYS)) {
  for (const [name, dialogue] of Object.entries(DIALOGUES)) {
    Deno.test({
      name: `${name} in a terminal is the same ${how} as under deno task (Linux)`,
      ignore: IGNORED,
      fn: async () => {
        await using project = await Project.create(TALKING);
        await project.run(["run", "-q", "warm"]);
        const expected = await talk(project, ["deno", "task", "-q", name], dialogue);
        const written = name === "vi" ? await project.read("written") : "";
        if (name === "vi") await Deno.remove(`${project.root}/written`);
        const actual = await talk(project, [...words, name], dialogue);
        assertEquals(actual.code, expected.code);
        if (dialogue.isLoose !== true) {
          assertEquals(withoutStart(actual.stdout), withoutStart(expected.stdout));
        }
        if (name === "vi") assertEquals(await project.read("written"), written);
      },
    });
  }

  Deno.test({
    name: `tasks of a chain have the keyboard in turn, ${how} (Linux)`,
    ignore: IGNORED,
    fn: async () => {
      await using project = await Project.create(TALKING);
      await project.run(["run", "-q", "warm"]);
      const keys: Dialogue["keys"] = [["up", "one\r"], ["two", "more\r"]];
      const { stdout } = await talk(project, [...words, "two"], { command: "", keys });
      assertStringIncludes(stdout, "got one\r\n");
      assertStringIncludes(stdout, "two more\r\n");
    },
  });

  Deno.test({
    name: `a task gets the terminal's new size, ${how} (Linux)`,
    ignore: IGNORED,
    fn: async () => {
      await using project = await Project.create(TALKING);
      await project.run(["run", "-q", "warm"]);
      const run = project.startProgram([...words, "trapped"], { terminal: true });
      await run.stdout.until("up");
      await run.type("\0resize 100 40\n");
      await run.stdout.until("40 100");
      await run.type("\x03");
      await run.finished();
    },
  });

  Deno.test({
    name:
      `the terminal has its modes again after Ctrl-C, a suspension and a signal, ${how} (Linux)`,
    ignore: IGNORED,
    fn: async () => {
      await using project = await Project.create(TALKING);
      await project.run(["run", "-q", "warm"]);
      const shell = project.startProgram(["bash", "--norc", "-i"], {
        terminal: true,
        env: { PS1: "# ", INPUTRC: "/dev/null" },
      });
      let seen = 0;
      const type = async (after: string, keys: string): Promise<void> => {
        seen = await shell.stdout.after(after, seen);
        await shell.type(keys);
      };
      await type("# ", "stty -a > before\r");
      await type("# ", `${words.join(" ")} idle\r`);
      await type("up\r\n", "\x1a");
      await type("Stopped", "stty -a > stopped\r");
      await type("# ", "fg\r");
      await type("fg", "");
      await type("idle", "word\r");
      await type("got word", "");
      await type("# ", "stty -a > after\r");
      await type("# ", `${words.join(" ")} long\r`);
      await type("up\r\n", "\x03");
      await type("# ", "stty -a > interrupted\r");
      const line = `(sleep 1; kill -TERM $$) & exec ${words.join(" ")} long`;
      await type("# ", `sh -c '${line}'\r`);
      await type("up\r\n", "");
      await type("# ", "stty -a > terminated\r");
      await type("# ", "exit\r");
      await shell.finished();
      const before = await project.read("before");
      for (const each of ["stopped", "after", "interrupted", "terminated"]) {
        assertEquals(await project.read(each), before, each);
      }
    },
  });

  Deno.test({
    name: `a closed terminal ends a task that has the keyboard, ${how} (Linux)`,
    ignore: IGNORED,
    fn: async () => {
      await using project = await Project.create(TALKING);
      await project.run(["run", "-q", "warm"]);
      const run = project.startProgram([...words, "idle"], { terminal: true });
      await run.stdout.until("up");
      await run.type("\0hangup");
      await run.finished();
    },
  });
}

Deno.test({
  name: "the terminal has its modes again after the server was killed (Linux)",
  ignore: IGNORED,
  fn: async () => {
    await using project = await Project.create(TALKING);
    await project.run(["run", "-q", "warm"]);
    const script = 'stty -a > before; "$@"; echo code $?; stty -a > after';
    const words = ["bash", "-c", script, "bash", ...SIMMER, "run", "-q", "idle"];
    const run = project.startProgram(words, { terminal: true });
    await run.stdout.until("up");
    await project.killServer();
    await run.stdout.until("code 3");
    await run.finished();
    assertEquals(await project.read("after"), await project.read("before"));
  },
});

Deno.test({
  name: "a client in the background is not suspended (Linux)",
  ignore: IGNORED,
  fn: async () => {
    await using project = await Project.create(TALKING);
    await project.run(["run", "-q", "warm"]);
    const words = ["bash", "-ic", '"$@" & wait; echo over', "bash", ...SIMMER, "run", "-q", "tty"];
    const { stdout } = await project.runProgram(words, { terminal: true });
    assertStringIncludes(stdout, "over");
  },
});

/** Removes what `deno` writes to a terminal before it runs a program. */
function withoutStart(text: string): string {
  return text.replaceAll(`${ESCAPE}[0G${ESCAPE}[2K${ESCAPE}[J`, "");
}
