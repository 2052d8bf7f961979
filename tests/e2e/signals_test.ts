/** Signals to a client reach its tasks. The exit code is that of the same task under `deno task`. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { pathExists } from "../../system/files/path_exists.ts";
import { signalExitCode } from "../../system/process/signals.ts";
import { TASK_SIGNALS } from "../../wire/signals.ts";
import { KEYS, shellLine } from "./interactive_shell.ts";
import { PLACES, Project, SIMMER } from "./support.ts";

/** The signals that end a task by default. */
const SIGNALS = TASK_SIGNALS.filter((signal) =>
  signal !== "SIGWINCH" && signal !== "SIGTSTP" && signal !== "SIGCONT"
);

/** Prints each signal. Exits with the given code at any signal but SIGWINCH. */
const PROBE = `import os, signal, sys
told, tell = os.pipe()
for name in "HUP INT QUIT USR1 USR2 ALRM TERM WINCH".split():
    signal.signal(getattr(signal, "SIG" + name), lambda *_: None)
os.set_blocking(tell, False)
# Written by the system's handler: one of Python's would wait for a read that never returns.
signal.set_wakeup_fd(tell)
print("up", flush=True)
while True:
    name = signal.Signals(os.read(told, 1)[0]).name
    print("got " + name, flush=True)
    if name != "SIGWINCH":
        sys.exit(int(sys.argv[1]))
`;

/** Adds a line to its file for each SIGINT, and exits a while after the first one. */
const COUNT = `import signal, sys, time
signalled = []
def note(*_):
    signalled.append(1)
    open(sys.argv[1], "a").write("SIGINT\\n")
signal.signal(signal.SIGINT, note)
open(sys.argv[1], "w").close()
print("up", flush=True)
while not signalled:
    time.sleep(0.01)
until = time.monotonic() + 0.5
while time.monotonic() < until:
    time.sleep(0.01)
sys.exit(6)
`;

const python = new Deno.Command("python3", { args: ["-c", "import sys; print(sys.executable)"] });
const PYTHON = new TextDecoder().decode((await python.output()).stdout).trimEnd();

/** Tasks that count SIGINT, with the processes that count. */
const COUNTING = {
  plain: { command: `${PYTHON} count.py a`, counts: ["a"] },
  program: { command: "python3 count.py a", counts: ["a"] },
  piped: { command: "python3 count.py a | python3 count.py b", counts: ["a", "b"] },
  shells: {
    command: "bash -c 'python3 count.py a | python3 count.py b; exit ${PIPESTATUS[1]}'",
    counts: ["a", "b"],
  },
  npm: { command: "npm run --silent script", counts: ["a"] },
  inner: { command: `${shellLine(SIMMER)} run -q program`, counts: ["a"] },
  // deno's shell passes SIGINT on twice, and one key press must stay one.
  list: { command: "true && python3 count.py a; echo no", counts: ["a"] },
  listed: { command: `true && ${shellLine(SIMMER)} run -q program`, counts: ["a"] },
} as const;

const FILES = {
  "package.json": { name: "x", scripts: { script: "python3 count.py a" } },
  "count.py": COUNT,
  "deno.json": {
    tasks: {
      ...Object.fromEntries(
        Object.entries(COUNTING).map(([name, { command }]) => [name, command] as const),
      ),
      seven: "python3 probe.py 7",
      zero: "python3 probe.py 0",
      after: { command: "echo after", dependencies: ["zero"] },
      default: "python3 default.py",
      pipeline: "python3 probe.py 7 | python3 probe.py 8",
      then: "python3 probe.py 0 && echo then",
      eight: "python3 probe.py 7",
      both: { command: "echo both", dependencies: ["seven", "eight"] },
      none: "python3 probe.py 0",
      zeros: { command: "echo zeros", dependencies: ["zero", "none"] },
      hangup: "python3 hangup.py",
      nested: "bash -c 'python3 probe.py 7; echo shell $?; exit 4'",
    },
  },
  "probe.py": PROBE,
  "hangup.py": `import os, signal
signal.signal(signal.SIGHUP, lambda *_: os._exit(open("hung up", "w").write("") or 0))
print("up", flush=True)
signal.pause()
`,
  "default.py": "import time\nprint('up', flush=True)\ntime.sleep(600)\n",
};

/** Exit codes of tasks that handle signals; `undefined` for a task that a signal ends. */
const OWN_CODES = { seven: 7, after: 0, default: undefined } as const;

/**
 * Signals that cancel the build. The shell of `deno task` handles them, too: in about one of 200 runs
 * it exits with the signal's code, although the task exited with its own code.
 */
const CANCELLING: ReadonlySet<string> = new Set(["SIGINT", "SIGQUIT", "SIGTERM"]);

/** Command lines that run tasks with a server and without one. */
const WAYS = PLACES.map((options) => [...SIMMER, "run", "-q", ...options]);

/** The command line that runs tasks with a server. */
const SERVED = [...SIMMER, "run", "-q"];

// The expected codes are those of `deno task`. It is not run here, because on a busy machine it loses
// about one of 1,000 signals that come right after it has started a process.
Deno.test("R25 a signal reaches the task, and the run exits with the task's code, as under deno task", async () => {
  await using project = await Project.create(FILES);
  // This command starts the server, so that the runs send their command lines to it.
  await project.run(["tasks"]);
  for (const signal of SIGNALS) {
    const isExample = signal === "SIGINT" || signal === "SIGUSR1";
    for (const task of isExample ? ["seven", "after", "default"] as const : ["seven"] as const) {
      for (const words of WAYS) {
        const run = project.startProgram([...words, task]);
        await run.stdout.until("up\n");
        run.kill(signal);
        const { code, stdout } = await run.finished();
        const what = `${words.slice(-1)} ${task} ${signal}`;
        const isCut = CANCELLING.has(signal);
        const codes = [OWN_CODES[task] ?? signalExitCode(signal)];
        if (isCut) codes.push(signalExitCode(signal));
        assert(codes.includes(code), `${what}: ${code}`);
        const said = task === "default" ? "" : `got ${signal}\n`;
        const next = task === "after" && !isCut ? "after\n" : "";
        assertEquals(stdout, `up\n${said}${next}`, what);
      }
    }
  }
});

/**
 * Tasks with several processes, and builds with several tasks at once. All values are those of `deno
 * task`. `cut` is the exit code after a signal that cancels the build, unless it is the signal's code.
 * `code` is the exit code after another signal. The lines of `always` are printed in both cases, and
 * those of `whole` only if the build is not cancelled.
 */
const SEVERAL = {
  pipeline: { cut: 8, code: 8, always: ["up", "got"], whole: [] },
  then: { cut: undefined, code: 0, always: ["up", "got"], whole: ["then"] },
  both: {
    cut: 7,
    code: 7,
    always: ["[seven] up", "[eight] up", "[seven] got", "[eight] got"],
    whole: [],
  },
  zeros: {
    cut: undefined,
    code: 0,
    always: ["[zero] up", "[none] up", "[zero] got", "[none] got"],
    whole: ["zeros"],
  },
} as const;

Deno.test("R25 a signal reaches all processes of a pipeline, and all tasks that run at once", async () => {
  await using project = await Project.create(FILES);
  await project.run(["tasks"]);
  for (const signal of ["SIGHUP", "SIGINT"] as const) {
    for (const [task, { cut, code, always, whole }] of Object.entries(SEVERAL)) {
      for (const words of WAYS) {
        const run = project.startProgram([...words, "-j4", task]);
        for (const line of always.filter((each) => each.endsWith("up"))) {
          await run.stdout.until(`${line}\n`);
        }
        run.kill(signal);
        const ended = await run.finished();
        const what = `${words.slice(-1)} ${task} ${signal}`;
        const isCut = CANCELLING.has(signal);
        const codes: unknown[] = isCut ? [cut, signalExitCode(signal)] : [code];
        assert(codes.includes(ended.code), `${what}: ${ended.code}`);
        const lines = [...always, ...(isCut ? [] : whole)]
          .map((line) => line.replace(/got$/, `got ${signal}`));
        // The first task that ends fails the build, which ends the other one by SIGTERM. If that
        // task has not run yet since it got the signal, its handlers run in the reverse order.
        const said = task === "both"
          ? ended.stdout.replaceAll("got SIGTERM", `got ${signal}`)
          : ended.stdout;
        assertEquals(said.trimEnd().split("\n").sort(), lines.sort(), what);
      }
    }
  }
});

Deno.test("R25 Ctrl-\\ in a terminal reaches the processes that a task's shell has started", async () => {
  await using project = await Project.create(FILES);
  for (const words of WAYS) {
    const run = project.startProgram([...words, "nested"], { terminal: true });
    await run.stdout.until("up\r\n");
    await run.type("\x1c");
    const { stdout } = await run.finished();
    assertStringIncludes(stdout, "got SIGQUIT\r\n");
  }
});

Deno.test("a task gets SIGHUP when its client's terminal is closed", async () => {
  await using project = await Project.create(FILES);
  for (const words of WAYS) {
    const run = project.startProgram([...words, "hangup"], { terminal: true });
    await run.stdout.until("up\r\n");
    // The helper closes the terminal and waits for the client.
    await run.type("\0hangup");
    await run.finished();
    const noted = `${project.root}/hung up`;
    while (!pathExists(noted)) await new Promise((resolve) => setTimeout(resolve, 10));
    await Deno.remove(noted);
  }
});

Deno.test("SIGWINCH reaches a task and does not end it", async () => {
  await using project = await Project.create(FILES);
  for (const words of WAYS) {
    const run = project.startProgram([...words, "seven"]);
    await run.stdout.until("up\n");
    run.kill("SIGWINCH");
    await run.stdout.until("got SIGWINCH");
    run.kill("SIGUSR1");
    assertEquals((await run.finished()).code, 7);
  }
});

Deno.test("R25 Ctrl-C in a terminal reaches the processes that a task's shell has started", async () => {
  await using project = await Project.create(FILES);
  for (const words of WAYS) {
    const run = project.startProgram([...words, "nested"], { terminal: true });
    await run.stdout.until("up\r\n");
    await run.type("\x03");
    const { code, stdout } = await run.finished();
    assertStringIncludes(stdout, "got SIGINT\r\n");
    // A shell that gets the signal after its child has ended dies of it. The shell of `deno task` does
    // so now and then.
    const isCut = code === signalExitCode("SIGINT");
    assert(isCut || code === 4 && stdout.includes("shell 7"), `${code}: ${stdout}`);
  }
});

/** Waits until all programs that count their signals run. */
async function untilCounting(project: Project, counts: readonly string[]): Promise<void> {
  while (!counts.every((each) => pathExists(`${project.root}/${each}`))) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

Deno.test("R25 SIGINT of a client and Ctrl-C reach each process of a task once, nested builds included", async () => {
  await using project = await Project.create(FILES);
  await project.run(["tasks"]);
  for (const [task, { counts }] of Object.entries(COUNTING)) {
    // Without a server, the terminal sends the signal to the shell of `deno task`, which sends it again.
    for (const [way, words] of [...WAYS.entries(), ["terminal", SERVED]] as const) {
      const terminal = way === "terminal";
      const run = project.startProgram([...words, task], { terminal });
      await run.stdout.until(terminal ? "up\r\n" : "up\n");
      await untilCounting(project, counts);
      if (terminal) await run.type(KEYS.interrupt);
      else run.kill("SIGINT");
      const { code, stdout } = await run.finished();
      for (const each of counts) {
        assertEquals(await project.read(each), "SIGINT\n", `${way} ${task} ${each}: ${stdout}`);
        await Deno.remove(`${project.root}/${each}`);
      }
      assert([6, 130].includes(code), `${way} ${task}: ${code}`);
      if (terminal) assertStringIncludes(stdout, "^C");
      assert(!stdout.includes("no"), `${way} ${task} goes on: ${stdout}`);
    }
  }
});

Deno.test("R25 one Ctrl-C stays one for a client that gets several signals for it", async () => {
  await using project = await Project.create(FILES);
  await project.run(["tasks"]);
  // The terminal sends SIGINT to the client, and deno's shell sends it again.
  const line = `${shellLine(SIMMER)} run -q program < /dev/null`;
  const run = project.startProgram(["deno", "task", "-q", "--eval", line], { terminal: true });
  await run.stdout.until("up\r\n");
  await run.type(KEYS.interrupt);
  const { code, stdout } = await run.finished();
  assertEquals(await project.read("a"), "SIGINT\n", stdout);
  assert([6, 130].includes(code), `${code}: ${stdout}`);
});
