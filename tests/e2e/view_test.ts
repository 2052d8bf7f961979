/**
 * The live view of a run, on the screen of a terminal emulator.
 *
 * @module
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { shellLine } from "./interactive_shell.ts";
import { KEYS, Screen, type ScreenOptions } from "./screen.ts";
import { nextKeyPress, Project, SENDS_COMMAND_LINES, SIMMER } from "./support.ts";

const IGNORED = Deno.build.os !== "linux";

/** Runs until a file exists, and exits with the number in it. */
const GATE = `import sys, time
name = sys.argv[1]
print("begin", name, flush=True)
while True:
    try:
        code = open(f"{name}.go").read()
        break
    except FileNotFoundError:
        time.sleep(0.02)
print("end", name, flush=True)
sys.exit(int(code or 0))
`;

const FILES = {
  "gate.py": GATE,
  "deno.json": {
    tasks: {
      api: "python3 gate.py api",
      web: "python3 gate.py web",
      app: { command: "echo app", dependencies: ["api", "web"] },
      ship: { command: "echo ship", dependencies: ["app"] },
      ask: { command: "bash -c 'read -p \"name? \" x; echo hello $x'", dependencies: ["app"] },
    },
  },
};

const ABOVE = ["Task api python3 gate.py api", "Task web python3 gate.py web"];
const VIEW = ["  api", "  web", "       app  waits for api, web", "simmer: 0/4 done"];

/** Returns the lines of a screen without running times, and those of the output sorted. */
function lines(text: string): string[] {
  // On a busy machine, simmer may propose to cache a task that took long.
  const all = text.split("\n").filter((line) => !line.includes("'simmer propose ")).map((line) =>
    line.replace(/^ +\d+ s {2}(?=\w)/, "  ").replace(/, \d+ s$/, "")
  );
  const output = all.filter((line) => /^(Task|\[)/.test(line)).sort();
  return [...output, ...all.filter((line) => !/^(Task|\[)/.test(line))];
}

const BEGUN = lines([...ABOVE, "[api] begin api", "[web] begin web"].join("\n"));

/** A run without a server is the same for all clients. */
const WAYS: Readonly<Record<string, readonly string[]>> = SENDS_COMMAND_LINES && SIMMER.length > 1
  ? { "through a server": ["run", "-j4"], "without a server": ["run", "-j4", "--no-server"] }
  : { "through a server": ["run", "-j4"] };

function start(project: Project, args: readonly string[], options: ScreenOptions = {}): Screen {
  // xterm.js is the terminal of VS Code.
  const env = { TERM_PROGRAM: "vscode", ...options.env };
  return Screen.start(project, [...SIMMER, ...args], { rows: 16, ...options, env });
}

/** Returns true if both tasks handle signals. */
function isBegun(text: string): boolean {
  return text.includes("[api] begin api") && text.includes("[web] begin web");
}

/** Resolves when the whole view is on the screen. */
async function viewed(screen: Screen): Promise<void> {
  await screen.until((text) =>
    lines(text).slice(-VIEW.length).join("\n") === VIEW.join("\n") &&
    isBegun(text)
  );
}

for (const [how, run] of Object.entries(WAYS)) {
  Deno.test({
    name:
      `the view follows a build and the terminal's size, and is gone at the end, ${how} (Linux)`,
    ignore: IGNORED,
    fn: async () => {
      await using project = await Project.create(FILES);
      await project.run(["tasks"]);
      await using screen = start(project, [...run, "ship"]);
      await viewed(screen);
      assertEquals(lines(screen.text), [...BEGUN, ...VIEW]);
      await screen.resize(24, 16);
      await screen.until(/app {2}waits for …\nsimmer: 0\/4 done, \d s$/);
      assertEquals(screen.text.split("\n").length, 4 + 2 + VIEW.length);
      await screen.resize(100, 16);
      await viewed(screen);
      assertEquals(lines(screen.text), [...BEGUN, ...VIEW]);
      await project.write("api.go", "0");
      await screen.until(/1\/4 done/);
      assertStringIncludes(screen.text, "app  waits for web\n");
      await project.write("web.go", "0");
      assertEquals(await screen.finished(), 0);
      assertEquals(lines(screen.history.replace(/ in \S+ m?s$/m, "")), [
        "Task api python3 gate.py api",
        "Task app echo app",
        "Task ship echo ship",
        "Task web python3 gate.py web",
        ...["[api] begin api", "[api] end api", "[web] begin web", "[web] end web"],
        ...["app", "ship", "simmer: 4 tasks run"],
      ]);
    },
  });

  Deno.test({
    name: `a failure is reported below the output, ${how} (Linux)`,
    ignore: IGNORED,
    fn: async () => {
      await using project = await Project.create(FILES);
      await project.run(["tasks"]);
      await project.write("api.go", "7");
      await using screen = start(project, [...run, "-k", "ship"], { columns: 200 });
      await screen.until(/3\/4 done, 1 failed/);
      await project.write("web.go", "0");
      assertEquals(await screen.finished(), 7);
      const [, report = ""] = screen.history.split("[web] end web\n");
      const log = /log: (\S+)/.exec(report)?.[1] ?? "";
      assertEquals(
        report.replace(log, "LOG").replace(/ in \S+ m?s$/, ""),
        [
          "simmer: api failed with exit code 7; log: LOG",
          "    begin api",
          "    end api",
          "  not run because of it: app, ship",
          "simmer: 2 tasks run, 1 failed, 2 not started",
        ].join("\n"),
      );
      assertStringIncludes(screen.written, `\x1b]8;;file://${log}\x1b\\${log}\x1b]8;;\x1b\\`);
      assertEquals(await Deno.readTextFile(log), "begin api\nend api\n");
    },
  });

  Deno.test({
    name: `the view and the progress mark are gone while a task asks, ${how} (Linux)`,
    ignore: IGNORED,
    fn: async () => {
      await using project = await Project.create(FILES);
      await project.run(["tasks"]);
      await project.write("api.go", "0");
      await using screen = start(project, [...run, "ask"], {
        env: { TERM_PROGRAM: "ghostty" },
      });
      await screen.until(/1\/4 done/);
      assertStringIncludes(screen.written, "\x1b]9;4;1;25\x1b\\");
      await project.write("web.go", "0");
      await screen.until(/name\?$/);
      assertEquals(lines(screen.text).slice(-2), ["app", "name?"]);
      assertEquals(screen.cursor.x, "name? ".length);
      await screen.type("x\r");
      assertEquals(await screen.finished(), 0);
      assertStringIncludes(screen.text, "\nname? x\nhello x\nsimmer: 4 tasks run");
      const marks = screen.written.split("\x1b]9;4;").slice(1).map((each) => each.slice(0, 3));
      assertEquals(marks.at(-1), "0;0");
    },
  });

  Deno.test({
    name: `Ctrl-Z removes the view, and fg shows it again, ${how} (Linux)`,
    ignore: IGNORED,
    fn: async () => {
      await using project = await Project.create(FILES);
      await project.run(["tasks"]);
      await using screen = Screen.start(project, ["bash", "--norc", "--noediting", "-i"], {
        env: { PS1: "# " },
        rows: 30,
      });
      const line = `${shellLine(SIMMER)} ${run.join(" ")} ship`;
      await screen.until("#");
      await screen.type(`clear; ${line}\n`);
      await viewed(screen);
      await screen.type(KEYS.suspend);
      await screen.until(/Stopped[^#]*# $|Stopped[^#]*#$/);
      assertEquals(screen.text.includes("done"), false, screen.text);
      assertEquals(screen.text.includes("waits for"), false, screen.text);
      await screen.type("fg\n");
      await viewed(screen);
      await screen.type(KEYS.interrupt);
      await screen.until(/not started in [^#]*#$/);
      assertEquals(screen.text.includes("0/4 done"), false, screen.text);
      await screen.type("exit\n");
      await screen.finished();
    },
  });
}

Deno.test({
  name: "the view is gone if the server hangs or was killed (Linux)",
  ignore: IGNORED,
  fn: async () => {
    await using project = await Project.create(FILES);
    await project.run(["tasks"]);
    const env = { TERM_PROGRAM: "ghostty" };
    for (const signal of ["SIGSTOP", "SIGKILL"] as const) {
      // The shell writes below.
      const line = `${shellLine([...SIMMER, "run", "-j4", "api", "web"])}; echo code $?`;
      await using screen = Screen.start(project, ["bash", "-c", `trap : INT; ${line}`], { env });
      await screen.until((text) =>
        /s {2}web\nsimmer: 0\/2 done, \d s$/.test(text) && isBegun(text)
      );
      if (signal === "SIGKILL") await project.killServer();
      else {
        Deno.kill(await project.serverPid(), signal);
        for (let times = 1; times <= 4; times++) {
          await screen.type(KEYS.interrupt);
          await nextKeyPress();
        }
      }
      const text = await screen.until(signal === "SIGKILL" ? "code 3" : "code 130");
      assertEquals(/done|\d+ s {2}/.test(text), false, text);
      const marks = screen.written.split("\x1b]9;4;").slice(1).map((each) => each.slice(0, 3));
      assertEquals(marks.at(-1), "0;0", signal);
      await screen.finished();
      if (signal === "SIGSTOP") Deno.kill(await project.serverPid(), "SIGCONT");
    }
  },
});

Deno.test({
  name: "a run has no view in a dumb terminal, in CI, with --quiet, and in the background (Linux)",
  ignore: IGNORED,
  fn: async () => {
    await using project = await Project.create(FILES);
    await project.run(["tasks"]);
    for (const name of ["api", "web"]) await project.write(`${name}.go`, "0");
    const run = [...SIMMER, "run", "-j4", "ship"];
    const calls: [readonly string[], Record<string, string>][] = [
      [run, { TERM: "dumb" }],
      [run, { TERM: "" }],
      [run, { CI: "true" }],
      [[...run, "-q"], {}],
      [["bash", "-ic", `${shellLine(run)} & wait`], {}],
    ];
    for (const [program, env] of calls) {
      await using screen = Screen.start(project, program, { env });
      await screen.finished();
      assertEquals(screen.written.includes("\x1b[?2026h"), false, program.join(" "));
      assertStringIncludes(screen.history, "ship");
    }
  },
});

Deno.test({
  name: "a run in a task without the keyboard paints no view into its output (Linux)",
  ignore: IGNORED,
  fn: async () => {
    const inner = shellLine([...SIMMER, "run", "-j4", "ship"]);
    const tasks = { ...FILES["deno.json"].tasks, outer: inner, other: "true" };
    await using project = await Project.create({ ...FILES, "deno.json": { tasks } });
    await project.run(["tasks"]);
    await using screen = start(project, ["run", "-j4", "outer", "other"], { rows: 30 });
    await screen.until(/\[outer\] \[web\] begin web[^]*1\/2 done, [1-9] s$/);
    assertEquals(screen.text.split("done").length, 2, screen.text);
    for (const name of ["api", "web"]) await project.write(`${name}.go`, "0");
    assertEquals(await screen.finished(), 0);
    assertEquals(screen.history.includes("done"), false);
  },
});

Deno.test({
  name: "a terminal that closes ends the tasks of a run with a view (Linux)",
  ignore: IGNORED,
  fn: async () => {
    await using project = await Project.create(FILES);
    await project.run(["tasks"]);
    await using screen = start(project, ["run", "-j4", "ship"]);
    await viewed(screen);
    await screen.hangUp();
    await screen.finished();
  },
});
