/**
 * Rules for `simmer ui`, the full view, as a person sees it in a terminal.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { KEYS, Screen, type ScreenOptions } from "./screen.ts";
import { processesIn, Project, type Running, SIMMER } from "./support.ts";

const IGNORED = Deno.build.os !== "linux";

/** Key that ends typing into a task. */
const LEAVE = "\x1d";

const PROJECT = {
  "deno.json": {
    tasks: {
      // Ends when the test writes a file.
      held: "sh -c 'seq 1 60; until test -e go; do sleep 0.05; done; echo over'",
      bad: "sh -c 'echo broken; exit 3'",
      both: { dependencies: ["held", "bad"] },
      other: "sh -c 'echo other output; until test -e go; do sleep 0.05; done'",
      ask: "bash -c 'read -p \"name: \" x; echo hello $x; read y'",
      again: "sh -c 'echo run >> runs; echo ran $(wc -l < runs)'",
      size: "bash -c 'stty size; read x'",
      wide: "sh -c 'printf \"%0100d\\n\" 7; echo Grüße 🚀 日本; sleep 600'",
      loud: "sh -c 'yes loud | head -c 20000000; echo end of loud'",
    },
  },
};

/** Opens the view of a project that has a server. */
function open(project: Project, options: ScreenOptions = {}): Screen {
  return Screen.start(project, [...SIMMER, "ui"], options);
}

/** A project with a server. */
async function served(...options: string[]): Promise<Project> {
  const project = await Project.create(PROJECT);
  const { code, stderr } = await project.run(["serve", "--detach", ...options]);
  assertEquals(code, 0, stderr);
  return project;
}

/** Returns the process of a project's only view. */
async function viewIn(project: Project): Promise<number> {
  const views = (await processesIn(project.root)).filter(({ words }) =>
    words.startsWith(Deno.execPath()) && words.endsWith(" ui")
  );
  const [view] = views;
  assert(view !== undefined && views.length === 1);
  return view.pid;
}

/** Cancels a run, and waits for its end. */
async function cancel(run: Running): Promise<void> {
  run.kill("SIGINT");
  await run.finished();
}

/** Declares a test of the view. */
function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `${name} (Linux)`, ignore: IGNORED, fn });
}

test("the view shows a build from its beginning, and leaving it neither ends it nor changes the screen", async () => {
  await using project = await served();
  const program = ["sh", "-c", `echo before; "$@"; echo after $?`, "sh", ...SIMMER, "ui"];
  await using screen = Screen.start(project, program);
  await screen.until("No build yet");
  assert(screen.isAlternate);
  const run = project.start(["run", "-k", "both"]);
  await screen.until((text) =>
    text.includes("│ 60") && text.includes("›● held") && /✗ bad +exit 3 │/.test(text) &&
    text.includes("2/3 done, 1 failed")
  );
  await screen.type(KEYS.down);
  await screen.until((text) => text.includes("bad failed: exit code 3") && /│ broken$/m.test(text));
  await screen.type("q");
  assertEquals(await screen.finished(), 0);
  assertEquals(screen.text, "before\nafter 0");
  assertEquals(screen.isAlternate, false);
  await project.write("go", "");
  assertEquals((await run.finished()).code, 3);
});

test("a view that is opened in the middle of a build shows its output so far, and after it the last build", async () => {
  await using project = await served();
  const run = project.start(["run", "-q", "held"]);
  await run.stdout.until("60\n");
  {
    await using screen = open(project);
    await screen.until((text) => text.includes("60") && text.includes("held running"));
    await screen.type("g");
    await screen.until((text) => /^1$|│ 1$/m.test(text) && text.includes("[scrolled]"));
    await project.write("go", "");
    await screen.until((text) => text.includes("held done") && text.includes("1/1 done"));
    await screen.type("f");
    await screen.until("over");
    await screen.type("q");
    await screen.finished();
  }
  await run.finished();
  await using late = open(project);
  await late.until((text) => text.includes("held done") && text.includes("over"));
});

test("several builds are listed, the newest first, and keys go from one to the other", async () => {
  await using project = await served();
  const first = project.start(["run", "-q", "held"]);
  await first.stdout.until("60\n");
  await using screen = open(project, { columns: 100, rows: 20 });
  await screen.until("held running");
  const second = project.start(["run", "-q", "other"]);
  await screen.until((text) => {
    const [newest, oldest] = [text.indexOf("other"), text.indexOf("held")];
    return text.includes("other output") && newest >= 0 && newest < oldest;
  });
  await screen.type(KEYS.down);
  await screen.until((text) => text.includes("│ 60") && text.includes("held running"));
  await screen.type(KEYS.up);
  await screen.until((text) => text.includes("other output") && text.includes("other running"));
  await screen.type("x");
  await screen.until(/Cancel '.*other'\? \[y\/n\]/);
  await screen.type("y");
  await screen.until("cancelled");
  await cancel(first);
  await second.finished();
});

test("search, follow, zoom and copy work in the output", async () => {
  await using project = await served();
  const run = project.start(["run", "-q", "held"]);
  await run.stdout.until("60\n");
  await using screen = open(project, { columns: 60, rows: 12 });
  await screen.until("60");
  await screen.type("/25");
  await screen.until((text) => text.endsWith("/25") && text.includes("25\n"));
  await screen.type(KEYS.enter);
  await screen.until("/25 [scrolled]");
  await screen.type("/nothing");
  await screen.until("/nothing  no match");
  await screen.type(KEYS.escape);
  await screen.until((text) => !text.includes("nothing"));
  await screen.type("g");
  await screen.until(/│ 1$/m);
  await screen.type("y");
  await screen.until("Copied 10 lines");
  const [copied] = screen.written.split("\x1b]52;c;")[1]?.split("\x07") ?? [];
  assertEquals(atob(copied ?? ""), "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n");
  await screen.type("v" + KEYS.up + KEYS.up);
  await screen.type("y");
  await screen.until("Copied 3 lines");
  await screen.type("z");
  await screen.until((text) => text.includes("\n1\n2\n") && !text.includes("│"));
  await screen.type("G");
  await screen.until((text) => text.includes("\n60\n") && !text.includes("[scrolled]"));
  await project.write("go", "");
  await screen.until("\nover\n");
  await run.finished();
});

test("the view adapts to the terminal's size, and wide characters keep the frame straight", async () => {
  await using project = await served();
  const run = project.start(["run", "-q", "wide"]);
  await using screen = open(project, { columns: 80, rows: 10 });
  await screen.until("日本");
  const border = screen.text.split("\n")[0]?.indexOf("│");
  assert(screen.text.split("\n").slice(0, -1).every((line) => line.indexOf("│") === border));
  await screen.resize(20, 5);
  await screen.until((text) =>
    text.split("\n").every((line) => line.length <= 20) && text.includes("Grüße 🚀 日本") &&
    !text.includes("│")
  );
  await screen.resize(300, 40);
  await screen.until((text) => text.includes(`│ ${"0".repeat(99)}7`));
  await screen.resize(3, 1);
  await screen.resize(80, 24);
  await screen.until((text) => text.includes("? help") && text.includes("日本"));
  await cancel(run);
});

test("keys are typed into a task of another terminal, and the view answers for its own tasks", async () => {
  await using project = await served();
  await using terminal = Screen.start(project, [...SIMMER, "run", "-q", "ask"]);
  await terminal.until("name:");
  await using screen = open(project);
  await screen.until((text) => text.includes("◆ ask") && text.includes("name:"));
  await screen.type("i");
  await screen.until("Typing into ask; Ctrl-] ends");
  await screen.type("simmer q\r");
  await screen.until("hello simmer q");
  await terminal.until("hello simmer q");
  await screen.type(`${LEAVE}i`);
  await screen.until("Typing into ask");
  await screen.type("\r");
  await screen.until((text) =>
    text.includes("ask done") && text.includes("reads no keys any more")
  );
  assertEquals(await terminal.finished(), 0);
});

test("Ctrl-C that is typed into a task of another terminal cancels its build", async () => {
  await using project = await served();
  await using terminal = Screen.start(project, [...SIMMER, "run", "-q", "ask"]);
  await terminal.until("name:");
  await using screen = open(project);
  await screen.until("◆ ask");
  await screen.type("i");
  await screen.until("Typing into");
  await screen.type(KEYS.interrupt);
  await screen.until("reads no keys any more");
  assertEquals(await terminal.finished(), 130);
  await screen.type("q");
  assertEquals(await screen.finished(), 0);
});

test("a task is run again, with a terminal of the output's size, and goes on when the view is left", async () => {
  await using project = await served();
  await project.run(["run", "-q", "again"]);
  await using screen = open(project, { columns: 80, rows: 20 });
  await screen.until("ran 1");
  await screen.type("r");
  await screen.until((text) => text.includes("ran 2") && text.split("✓ again").length === 3);
  await project.run(["run", "-q", "size"]);
  await screen.until(/[✓✗] size/);
  await screen.type(KEYS.up);
  await screen.until((text) => text.includes("size failed") || text.includes("size done"));
  await screen.type("r");
  await screen.until(/│ 18 \d\d$/m);
  await screen.resize(80, 30);
  await screen.type("r");
  await screen.until("and run size again? [y/n]");
  await screen.type("y");
  await screen.until(/│ 28 \d\d$/m);
  await screen.type("q");
  assertEquals(await screen.finished(), 0);
  const { stdout } = await project.run(["status"]);
  assertStringIncludes(stdout, "detached");
});

test("a server that admits one client refuses to run and to type, and says why", async () => {
  await using project = await served("--single");
  await using terminal = Screen.start(project, [...SIMMER, "run", "-q", "ask"]);
  await terminal.until("name:");
  await using screen = open(project, { columns: 160 });
  await screen.until("◆ ask");
  await screen.type("i");
  await screen.until(
    /'simmer run -q ask' \(pid \d+\) controls the server, which admits one client/,
  );
  await terminal.type("x\r\r");
  assertEquals(await terminal.finished(), 0);
  await screen.until("ask done");
  await screen.type("r");
  await screen.until((text) => text.includes("◆ ask") && text.includes("name:"));
});

test("a killed server is reported, and the next one is shown", async () => {
  await using project = await served();
  const run = project.start(["run", "-q", "held"]);
  await using screen = open(project);
  await screen.until("held running");
  await project.killServer();
  await screen.until((text) =>
    text.includes("no server") && text.includes("waiting for the next server") &&
    text.includes("held unknown: its server has ended")
  );
  await run.finished();
  const { stdout } = await project.run(["run", "-q", "bad"]);
  assertEquals(stdout, "broken\n");
  await screen.until((text) => text.includes("bad failed") && text.includes("broken"));
  await screen.type("q");
  assertEquals(await screen.finished(), 0);
});

test("a view that reads nothing for a while does not slow a build, and reads what it has missed", async () => {
  await using project = await served();
  await using screen = open(project);
  await screen.until("No build yet");
  const view = await viewIn(project);
  Deno.kill(view, "SIGSTOP");
  const program = ["sh", "-c", `"$@" > /dev/null`, "sh", ...SIMMER, "run", "-q", "loud"];
  assertEquals((await project.runProgram(program)).code, 0);
  Deno.kill(view, "SIGCONT");
  await screen.until((text) => text.includes("loud done") && text.includes("│ end of loud"));
});

test("the terminal is restored after a signal", async () => {
  await using project = await served();
  const program = ["sh", "-c", `"$@"; echo ended $?; stty -a`, "sh", ...SIMMER, "ui"];
  for (const [signal, code] of [["SIGTERM", 143], ["SIGHUP", 129], ["SIGINT", 130]] as const) {
    await using screen = Screen.start(project, program);
    await screen.until("No build yet");
    Deno.kill(await viewIn(project), signal);
    const text = await screen.until("ended");
    assertStringIncludes(text, `ended ${code}`);
    await screen.until(/[^-]icanon/);
    assertEquals(screen.isAlternate, false);
    await screen.finished();
  }
});

test("Ctrl-Z suspends the view and restores the terminal, and fg continues it", async () => {
  await using project = await served();
  const env = { LC_ALL: "C.UTF-8" };
  await using screen = Screen.start(project, ["bash", "--norc", "-i"], { env });
  await screen.until("#");
  await screen.type(`${[...SIMMER, "ui"].join(" ")}\r`);
  await screen.until("No build yet");
  await screen.type(KEYS.suspend);
  await screen.until((text) => text.includes("Stopped") && text.trimEnd().endsWith("#"));
  assertEquals(screen.isAlternate, false);
  await screen.type("fg\r");
  await screen.until("No build yet");
  await screen.type("q");
  await screen.until((text) => text.trimEnd().endsWith("#") && !text.includes("No build"));
  await screen.type("exit 7\r");
  assertEquals(await screen.finished(), 7);
});

test("the view needs a server, a terminal, and one with a cursor", async () => {
  await using project = await Project.create(PROJECT);
  const noServer = Screen.start(project, [...SIMMER, "ui"], { columns: 200 });
  assertEquals(await noServer.finished(), 3);
  assertStringIncludes(noServer.text, "simmer: no server runs for");
  assertEquals(noServer.written.includes("\x1b[?1049h"), false);
  const piped = await project.run(["ui"]);
  assertEquals(piped.code, 2);
  assertStringIncludes(piped.stderr, "simmer ui needs a terminal for stdin and stdout");
  const dumb = Screen.start(project, [...SIMMER, "ui"], { env: { TERM: "dumb" }, columns: 200 });
  assertEquals(await dumb.finished(), 2);
  assertStringIncludes(dumb.text, "TERM is 'dumb'");
});

test("with NO_COLOR nothing has a colour, and the mouse is captured only on request", async () => {
  await using project = await served();
  await project.run(["run", "bad"]);
  await using screen = open(project);
  await screen.until("bad failed");
  await screen.type("m");
  await screen.until("The mouse scrolls");
  await screen.type("m");
  await screen.until("terminal's again");
  const [before = "", after = ""] = screen.written.split("\x1b[?1000h");
  assertEquals(before.includes("\x1b[?1006h"), false);
  assertStringIncludes(after, "\x1b[?1000l");
  assertEquals(/ESC\[[\d;]*3[0-7][;m]/.test(screen.written.replaceAll("\x1b", "ESC")), false);
  await screen.type("q");
  await screen.finished();
  await using colored = Screen.start(project, [...SIMMER, "ui", "--color=always", "--mouse"]);
  await colored.until("bad failed");
  assertStringIncludes(colored.written, "\x1b[0;31m");
  assertStringIncludes(colored.written, "\x1b[?1000h");
});
