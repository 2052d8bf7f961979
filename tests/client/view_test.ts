/**
 * The live view and the report of failures, as a terminal emulator shows the renderer's output.
 *
 * @module
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import xterm from "@xterm/headless";
import { linkTo, showsLinks, showsProgress } from "../../client/render/terminal_features.ts";
import { COLORFUL, PLAIN } from "../../client/render/style.ts";
import { TerminalRenderer } from "../../client/render/terminal.ts";
import { FakeClock } from "../../system/fake_clock.ts";
import type { EventBody } from "../../wire/events.ts";
import { stamped } from "./support.ts";

const build = "b1";

function began(total: number): EventBody {
  const client = { pid: 100, command: "" };
  return { type: "BuildStarted", build, requested: [], total, jobs: 4, client };
}

function queued(task: string, dependencies: readonly string[] = []): EventBody {
  const [owner = "", name] = task.split("#");
  const of = name === undefined ? { name: task } : { name, package: owner };
  return { type: "TaskQueued", build, task, ...of, dependencies, prefixed: true };
}

function started(task: string): EventBody {
  return { type: "TaskStarted", build, task, name: task, cwd: "/p", prefixed: true, command: "x" };
}

function wrote(task: string, text: string): EventBody {
  return { type: "TaskOutput", build, task, stream: "stdout", text };
}

function succeeded(task: string): EventBody {
  return { type: "TaskSucceeded", build, task, durationMs: 1 };
}

function failed(task: string): EventBody {
  return { type: "TaskFailed", build, task, exitCode: 7, durationMs: 1 };
}

function completed(failures: readonly string[]): EventBody {
  return {
    type: "BuildCompleted",
    build,
    outcome: "failed",
    exitCode: 7,
    counts: { total: 1, succeeded: 0, cached: 0, failed: 1, cancelled: 0, skipped: 0 },
    durationMs: 5,
    failures: failures.map((task) => ({ task, exitCode: 7, logPath: `/p/${task} log` })),
  };
}

interface Options extends Partial<ConstructorParameters<typeof TerminalRenderer>[0]> {
  readonly columns?: number;
  readonly rows?: number;
}

/** A renderer whose output goes to a terminal emulator. */
class Terminal implements Disposable {
  readonly clock = new FakeClock();
  readonly renderer: TerminalRenderer;
  readonly emulator: InstanceType<typeof xterm.Terminal>;
  /** Text that would restore the screen. */
  restoration = "";
  isInForeground = true;
  #written = "";
  #size: { columns: number; rows: number };

  constructor({ columns = 40, rows = 12, ...options }: Options = {}) {
    this.#size = { columns, rows };
    this.emulator = new xterm.Terminal({
      cols: columns,
      rows,
      convertEol: true,
      allowProposedApi: true,
    });
    this.renderer = new TerminalRenderer({
      sink: {
        write: (_, data) => {
          this.#written += typeof data === "string" ? data : new TextDecoder().decode(data);
        },
      },
      styles: { stdout: PLAIN, stderr: PLAIN },
      quiet: false,
      prefix: true,
      logLevel: "warn",
      clock: this.clock,
      size: () => this.#size,
      isInForeground: () => this.isInForeground,
      hasLinks: false,
      movesCursor: true,
      hasMark: false,
      restoreBy: (text) => this.restoration = text,
      ...options,
    });
  }

  /** Sends events, updates the view, and returns what was written. */
  async send(...bodies: EventBody[]): Promise<string> {
    await this.renderer.prepare();
    for (const event of stamped(bodies)) this.renderer.event(event);
    this.renderer.refresh();
    return await this.flush();
  }

  /** Lets time pass, updates the view, and returns what was written. */
  async wait(ms: number): Promise<string> {
    await this.clock.advance(ms);
    this.renderer.refresh();
    return await this.flush();
  }

  async resize(columns: number, rows: number): Promise<void> {
    this.#size = { columns, rows };
    this.emulator.resize(columns, rows);
    this.renderer.resized();
    await this.flush();
  }

  /** All lines, those above the screen included. */
  get text(): string {
    const { active } = this.emulator.buffer;
    return [...Array(active.length).keys()]
      .map((at) => active.getLine(at)?.translateToString(true).trimEnd() ?? "").join("\n")
      .trimEnd();
  }

  async flush(): Promise<string> {
    const written = this.#written;
    this.#written = "";
    await new Promise<void>((resolve) => this.emulator.write(written, resolve));
    return written;
  }

  [Symbol.dispose](): void {
    this.emulator.dispose();
  }
}

const GRAPH = [
  began(4),
  queued("a#gen"),
  queued("b#gen"),
  queued("a#build", ["a#gen", "b#gen"]),
  queued("a#test", ["a#build"]),
];

Deno.test("a short build has no view", async () => {
  using terminal = new Terminal();
  const written = await terminal.send(...GRAPH, started("a#gen"), wrote("a#gen", "x\n"));
  assertEquals(written, "Task a#gen x\n  [a#gen] x\n");
  assertEquals(terminal.restoration, "");
});

Deno.test("the view has the running tasks, what waits for them, and counts, below the output", async () => {
  using terminal = new Terminal();
  await terminal.send(...GRAPH, started("a#gen"));
  await terminal.clock.advance(11_000);
  await terminal.send(started("b#gen"), wrote("a#gen", "one\n"));
  await terminal.wait(1000);
  assertEquals(
    terminal.text,
    "Task a#gen x\nTask b#gen x\n  [a#gen] one\n  12 s  a#gen\n   1 s  b#gen\n" +
      "        a#build  waits for a#gen, b#gen\nsimmer: 0/4 done, 12 s",
  );
  await terminal.send(succeeded("a#gen"), wrote("b#gen", "two\n"));
  await terminal.wait(1000);
  assertEquals(
    terminal.text,
    "Task a#gen x\nTask b#gen x\n  [a#gen] one\n  [b#gen] two\n  2 s  b#gen\n" +
      "       a#build  waits for b#gen\nsimmer: 1/4 done, 13 s",
  );
  terminal.renderer.finish();
  await terminal.flush();
  assertEquals(terminal.text, "Task a#gen x\nTask b#gen x\n  [a#gen] one\n  [b#gen] two");
});

Deno.test("only rows that have changed are written, and none if nothing has", async () => {
  using terminal = new Terminal();
  await terminal.send(...GRAPH, started("a#gen"));
  await terminal.wait(1500);
  assertEquals(await terminal.wait(250), "");
  const written = await terminal.wait(250);
  assertStringIncludes(written, "2 s  a#gen");
  assertEquals(written.includes("waits for"), false);
  assertEquals(written.startsWith("\x1b[?2026h"), true);
  assertEquals(written.endsWith("\x1b[?2026l"), true);
});

Deno.test("output scrolls into the history, and the view does not", async () => {
  using terminal = new Terminal({ rows: 8 });
  await terminal.send(...GRAPH, started("a#gen"), started("b#gen"));
  await terminal.wait(1000);
  for (let line = 1; line <= 50; line++) {
    await terminal.send(wrote("a#gen", `${line}\n`));
    await terminal.wait(300);
  }
  terminal.renderer.finish();
  await terminal.flush();
  const lines = [...Array(50).keys()].map((at) => `  [a#gen] ${at + 1}`);
  assertEquals(terminal.text, ["Task a#gen x", "Task b#gen x", ...lines].join("\n"));
});

Deno.test("a resized view leaves nothing behind, in whatever way the lines are broken again", async () => {
  using terminal = new Terminal({ columns: 60 });
  await terminal.send(...GRAPH, started("a#gen"), started("b#gen"), wrote("a#gen", "one\n"));
  await terminal.wait(1000);
  const above = "Task a#gen x\nTask b#gen x\n  [a#gen] one";
  for (
    const [columns, rows] of [[20, 12], [60, 5], [60, 4], [9, 4], [100, 30], [100, 12]] as const
  ) {
    await terminal.resize(columns, rows);
    assertEquals(terminal.text.replaceAll("\n", "").split("simmer").length, 2, terminal.text);
  }
  await terminal.resize(20, 12);
  assertEquals(
    terminal.text,
    `${above}\n  1 s  a#gen\n  1 s  b#gen\n       a#build  wa…\nsimmer: 0/4 done, …`,
  );
  terminal.renderer.finish();
  await terminal.flush();
  assertEquals(terminal.text, above);
});

Deno.test("the view leaves room for output in a low window, and counts the tasks without a row", async () => {
  using terminal = new Terminal({ rows: 6 });
  const names = [..."abcd"];
  await terminal.send(began(4), ...names.map((name) => queued(name)), ...names.map(started));
  await terminal.wait(1000);
  const rows = terminal.text.split("\n").slice(4);
  assertEquals(rows, ["  1 s  a", "  and 3 more", "simmer: 0/4 done, 1 s"]);
  await terminal.resize(40, 3);
  assertEquals(terminal.text.split("\n").slice(4), ["simmer: 0/4 done, 1 s"]);
});

Deno.test("wide characters and control sequences in names do not break the view", async () => {
  using terminal = new Terminal({ columns: 20 });
  const names = ["\u5efa\u7f6e\u5efa\u7f6e\u5efa\u7f6e\u5efa\u7f6e", "e\u0301a", "\x1b[2Jx\u202e"];
  await terminal.send(began(3), ...names.map((name) => queued(name)), ...names.map(started));
  await terminal.wait(1000);
  assertEquals(terminal.text.split("\n").slice(-4), [
    "  1 s  \u5efa\u7f6e\u5efa\u7f6e\u5efa\u2026",
    "  1 s  e\u0301a",
    "  1 s  \\x1b[2Jx\\u2\u2026",
    "simmer: 0/3 done, \u2026",
  ]);
});

Deno.test("the view is not below an unfinished line, such as a prompt", async () => {
  using terminal = new Terminal();
  await terminal.send(began(1), { ...queued("a"), prefixed: false } as EventBody, started("a"));
  await terminal.wait(1000);
  assertStringIncludes(terminal.text, "simmer: 0/1 done");
  await terminal.send(wrote("a", "name? "));
  await terminal.wait(1000);
  assertEquals(terminal.text, "Task a x\nname?");
  await terminal.send(wrote("a", "\n"));
  assertEquals(terminal.text, "Task a x\nname?\n  2 s  a\nsimmer: 0/1 done, 2 s");
});

Deno.test("the view is gone while a task has the keyboard, and in the background", async () => {
  using terminal = new Terminal({ hasMark: true });
  await terminal.send(began(1), queued("a"), started("a"));
  await terminal.wait(1000);
  assertEquals(terminal.restoration, "\x1b[J\x1b]9;4;0;0\x1b\\");
  const written = await terminal.send({ type: "KeyboardTaken", build, task: "a" });
  assertEquals(terminal.text, "Task a x");
  assertStringIncludes(written, "\x1b]9;4;0;0\x1b\\");
  assertEquals(terminal.restoration, "");
  await terminal.send({ type: "KeyboardReleased", build, task: "a" });
  await terminal.wait(100);
  assertStringIncludes(terminal.text, "simmer: 0/1 done");
  terminal.isInForeground = false;
  // The shell has the screen now.
  assertEquals(await terminal.wait(1000), "");
});

Deno.test("a suspended view writes nothing, and is painted again when it is continued", async () => {
  using terminal = new Terminal();
  await terminal.send(began(1), queued("a"), started("a"));
  await terminal.wait(1000);
  terminal.renderer.suspend();
  await new Promise<void>((resolve) => terminal.emulator.write(terminal.restoration, resolve));
  assertEquals(await terminal.wait(5000), "");
  assertEquals(terminal.text, "Task a x");
  terminal.renderer.resume();
  await terminal.flush();
  assertEquals(terminal.text, "Task a x\n  6 s  a\nsimmer: 0/1 done, 6 s");
});

Deno.test("colours of the output continue after the view", async () => {
  using terminal = new Terminal({ styles: { stdout: COLORFUL, stderr: COLORFUL }, prefix: false });
  await terminal.send(began(1), queued("a"), started("a"), wrote("a", "\x1b[31mred\n"));
  await terminal.wait(1000);
  await terminal.send(wrote("a", "still red\n"));
  const line = terminal.emulator.buffer.active.getLine(2);
  assertEquals([line?.translateToString(true), line?.getCell(0)?.getFgColor()], ["still red", 1]);
});

Deno.test("the progress mark shows the share of ended tasks, failures, and disappears", async () => {
  using terminal = new Terminal({ hasMark: true });
  await terminal.send(...GRAPH, started("a#gen"), started("b#gen"));
  assertStringIncludes(await terminal.wait(1000), "\x1b]9;4;1;0\x1b\\");
  assertStringIncludes(await terminal.send(succeeded("a#gen")), "\x1b]9;4;1;25\x1b\\");
  assertStringIncludes(await terminal.send(failed("b#gen")), "\x1b]9;4;2;50\x1b\\");
  assertStringIncludes(await terminal.send(completed([])), "\x1b]9;4;0;0\x1b\\");
});

Deno.test("a failure is reported with its last lines, unless they are still the last ones", async () => {
  using terminal = new Terminal();
  const skipped = ["a#build", "a#test"]
    .map((task): EventBody => ({ type: "TaskCancelled", build, task, wasRunning: false }));
  const lines = [...Array(12).keys()].map((at) => `line ${at}\n`).join("");
  await terminal.send(
    ...GRAPH,
    started("a#gen"),
    wrote("a#gen", `${lines}\x1b[31mred\x1b[0m\rlast\n\n`),
    started("b#gen"),
    failed("a#gen"),
    succeeded("b#gen"),
    ...skipped,
    completed(["a#gen"]),
  );
  assertEquals(
    terminal.text.split("Task b#gen x\n")[1],
    [
      "simmer: a#gen failed with exit code 7; l",
      "og: /p/a#gen log",
      ...[...Array(9).keys()].map((at) => `    line ${at + 3}`),
      "    last",
      "  not run because of it: a#build, a#test",
      "simmer: 1 task run, 1 failed in 5 ms",
    ].join("\n"),
  );
  await terminal.send(began(1), queued("c"), started("c"), wrote("c", "why\n"), failed("c"));
  const written = await terminal.send(completed(["c"]));
  assertEquals(
    written,
    "simmer: c failed with exit code 7; log: /p/c log\nsimmer: 1 task run, 1 failed in 5 ms\n",
  );
});

Deno.test("the path of a failed task's log is a link where the terminal shows links", async () => {
  using terminal = new Terminal({ hasLinks: true });
  const written = await terminal.send(began(1), queued("c"), completed(["c"]));
  assertStringIncludes(written, "log: \x1b]8;;file:///p/c%20log\x1b\\/p/c log\x1b]8;;\x1b\\\n");
  assertEquals(linkTo("/a;b", "x"), "\x1b]8;;file:///a%3Bb\x1b\\x\x1b]8;;\x1b\\");
});

Deno.test("links and progress marks are for terminals that are known to show them", () => {
  const table: [Record<string, string>, links: boolean, progress: boolean][] = [
    [{ TERM: "xterm-256color" }, false, false],
    [{ TERM: "xterm-kitty" }, true, false],
    [{ TERM_PROGRAM: "iTerm.app" }, true, false],
    [{ TERM_PROGRAM: "WezTerm" }, true, true],
    [{ TERM_PROGRAM: "WezTerm", SSH_CONNECTION: "1" }, false, true],
    [{ TERM_PROGRAM: "ghostty", TMUX: "/tmp/tmux" }, false, false],
    [{ TERM: "screen-256color", WT_SESSION: "1" }, false, false],
    [{ WT_SESSION: "1" }, true, true],
    [{ VTE_VERSION: "4800" }, false, false],
    [{ VTE_VERSION: "7800" }, true, false],
    [{ VTE_VERSION: "8000" }, true, true],
    [{ ConEmuANSI: "ON" }, false, true],
    [{ FORCE_HYPERLINK: "1" }, true, false],
    [{ FORCE_HYPERLINK: "0", TERM: "xterm-kitty" }, false, false],
  ];
  for (const [env, links, progress] of table) {
    assertEquals([showsLinks(env), showsProgress(env)], [links, progress], JSON.stringify(env));
  }
});
