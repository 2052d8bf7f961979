import { assertEquals } from "@std/assert";
import { JsonRenderer } from "../../client/render/json.ts";
import { PlainRenderer } from "../../client/render/plain.ts";
import { duration, wholeSeconds } from "../../client/render/renderer.ts";
import { COLORFUL, PLAIN, styleFor } from "../../client/render/style.ts";
import type { StreamName } from "../../client/output.ts";
import type { EventBody, TaskQueued } from "../../wire/events.ts";
import { oneTask, stamped } from "./support.ts";

class Screen {
  readonly stdout: string[] = [];
  readonly stderr: string[] = [];
  /** Output of both streams, as a terminal shows it. */
  readonly all: string[] = [];

  write(stream: StreamName, data: string | Uint8Array): void {
    const text = typeof data === "string" ? data : new TextDecoder().decode(data);
    this[stream].push(text);
    this.all.push(text);
  }

  /** Returns and clears the output since the last call. */
  take(): string {
    return this.all.splice(0).join("");
  }
}

function plain(
  screen: Screen,
  options: Partial<ConstructorParameters<typeof PlainRenderer>[0]> = {},
): PlainRenderer {
  return new PlainRenderer({
    sink: screen,
    styles: { stdout: PLAIN, stderr: PLAIN },
    isOneScreen: false,
    quiet: false,
    prefix: true,
    logLevel: "warn",
    ...options,
  });
}

function show(bodies: readonly EventBody[], options: Parameters<typeof plain>[1] = {}): Screen {
  const screen = new Screen();
  const renderer = plain(screen, options);
  for (const event of stamped(bodies)) renderer.event(event);
  return screen;
}

const build = "b1";

function queued(name: string, prefixed: boolean, owner?: string): TaskQueued {
  const task = owner === undefined ? name : `${owner}#${name}`;
  const of = owner === undefined ? {} : { package: owner };
  return { type: "TaskQueued", build, task, name, ...of, dependencies: [], prefixed };
}

function wrote(task: string, text: string, stream: StreamName = "stdout"): EventBody {
  return { type: "TaskOutput", build, task, stream, text };
}

function ended(task: string): EventBody {
  return { type: "TaskSucceeded", build, task, durationMs: 1 };
}

Deno.test("one task is shown as by deno task, followed by a summary line", () => {
  const screen = show(oneTask());
  assertEquals(screen.stdout.join(""), "hello\n");
  assertEquals(screen.stderr.join(""), "Task hello echo hello\nsimmer: 1 task run in 6 ms\n");
});

Deno.test("headers have deno task's colours", () => {
  const screen = show(oneTask(), { styles: { stdout: COLORFUL, stderr: COLORFUL } });
  assertEquals(
    screen.stderr[0],
    "\x1b[0m\x1b[32mTask\x1b[0m \x1b[0m\x1b[36mhello\x1b[0m echo hello\n",
  );
});

Deno.test("a task's header reports a missing command and has the task's full name", () => {
  const started = { type: "TaskStarted", build, cwd: "/p", prefixed: false } as const;
  const screen = show([
    { ...started, task: "a", name: "a" },
    { ...started, task: "@x/y#b", name: "b", package: "@x/y", command: "echo" },
  ]);
  assertEquals(screen.stderr, ["Task a (no command)\n", "Task @x/y#b echo\n"]);
});

Deno.test("quiet shows only task output and failures", () => {
  const screen = show(oneTask(7), { quiet: true });
  assertEquals(screen.stdout.join(""), "hello\n");
  assertEquals(
    screen.stderr.join(""),
    "simmer: hello failed with exit code 7; log: /p/hello.log\n",
  );
});

Deno.test("a failure is reported with its code and log before the summary line", () => {
  assertEquals(show(oneTask(7)).stderr.slice(1), [
    "simmer: hello failed with exit code 7; log: /p/hello.log\n",
    "simmer: 1 task run, 1 failed in 6 ms\n",
  ]);
});

Deno.test("the summary line shows every count of the build", () => {
  const screen = show([{
    type: "BuildCompleted",
    build,
    outcome: "failed",
    exitCode: 1,
    counts: { total: 15, succeeded: 1, cached: 2, failed: 3, cancelled: 4, skipped: 5 },
    durationMs: 61_000,
    failures: [{ task: "", exitCode: 127, reason: "there is no deno" }],
  }]);
  assertEquals(screen.stderr, [
    "simmer: the command failed with exit code 127 (there is no deno)\n",
    "simmer: 4 tasks run, 2 cached, 3 failed, 4 cancelled, 5 not started in 1 min 1 s\n",
  ]);
});

Deno.test("lines of parallel tasks have right-aligned name prefixes", () => {
  const screen = show([
    queued("one", true),
    queued("three", true),
    queued("last", false),
    wrote("three", "3a\n3b"),
    wrote("one", "1\n", "stderr"),
    wrote("three", "b\n3c"),
    ended("three"),
    ended("one"),
    wrote("last", "whole"),
  ]);
  assertEquals(screen.stdout, ["[three] 3a\n", "[three] 3bb\n", "[three] 3c\n", "whole"]);
  assertEquals(screen.stderr, ["  [one] 1\n"]);
});

Deno.test("name prefixes have a colour each, and include the package if there are several", () => {
  const options = { styles: { stdout: COLORFUL, stderr: PLAIN } };
  const events = [queued("t", true, "a"), queued("t", true, "bb"), wrote("a#t", "x\n")];
  assertEquals(show(events, options).stdout, ["\x1b[0m\x1b[36m [a#t]\x1b[0m x\n"]);
  assertEquals(
    show([...events, wrote("bb#t", "y\n")], options).stdout[1],
    [
      "\x1b[0m\x1b[35m[bb#t]\x1b[0m y\n",
    ][0],
  );
  assertEquals(show([queued("t", true, "a"), wrote("a#t", "x\n")]).stdout, ["[t] x\n"]);
});

Deno.test("output passes unchanged without prefixes, or if it is not text", () => {
  const screen = show([queued("one", true), wrote("one", "1")], { prefix: false });
  assertEquals(screen.stdout, ["1"]);
  const bytes: Uint8Array[] = [];
  const sink = {
    write: (_: StreamName, data: string | Uint8Array) => bytes.push(data as Uint8Array),
  };
  const renderer = plain(new Screen(), { sink });
  const event = { type: "TaskOutput", build, task: "a", stream: "stdout", base64: "/w==" } as const;
  for (const each of stamped([event])) renderer.event(each);
  assertEquals(bytes, [new Uint8Array([0xff])]);
});

Deno.test("a message of simmer starts a new line on a terminal and in stderr", () => {
  const unfinished = [wrote("a", "no newline")];
  const record = { type: "LogRecord", level: "warn", message: "watch out" } as const;
  assertEquals(
    show([...unfinished, record]).all.join(""),
    "no newlinesimmer: warning: watch out\n",
  );
  assertEquals(
    show([...unfinished, record, record], { isOneScreen: true }).all.join(""),
    "no newline\nsimmer: warning: watch out\nsimmer: warning: watch out\n",
  );
  assertEquals(
    show([wrote("a", "e", "stderr"), record]).stderr.join(""),
    "e\nsimmer: warning: watch out\n",
  );
});

Deno.test("log records are shown from the requested level up", () => {
  const records = (["debug", "info", "warn", "error"] as const)
    .map((level): EventBody => ({ type: "LogRecord", level, message: level }));
  assertEquals(show(records).stderr, ["simmer: warning: warn\n", "simmer: error: error\n"]);
  assertEquals(show(records, { logLevel: "info" }).stderr.length, 3);
});

Deno.test("JsonRenderer writes each event as a line on stdout", () => {
  const screen = new Screen();
  const renderer = new JsonRenderer(screen, false);
  const events = stamped(oneTask());
  for (const event of events) renderer.event(event);
  renderer.say("waiting");
  assertEquals(screen.stdout.map((line) => JSON.parse(line)), events);
  assertEquals(screen.stderr, ["simmer: waiting\n"]);
});

Deno.test("durations are shown in readable units", () => {
  assertEquals(
    [0, 999, 1000, 1250, 59_949, 59_950, 187_000].map(duration),
    ["0 ms", "999 ms", "1.0 s", "1.3 s", "59.9 s", "1 min 0 s", "3 min 7 s"],
  );
  assertEquals(
    [999, 59_999, 60_000, 3_600_000, 7_500_000].map(wholeSeconds),
    ["0 s", "59 s", "1 min 0 s", "1 h 0 min", "2 h 5 min"],
  );
});

Deno.test("colours are decided by the flag, then NO_COLOR, then FORCE_COLOR, then the terminal", () => {
  const table: [string | undefined, Record<string, string>, boolean, boolean][] = [
    [undefined, {}, false, false],
    [undefined, {}, true, true],
    ["auto", { NO_COLOR: "1" }, true, false],
    ["auto", { NO_COLOR: "" }, true, true],
    ["auto", { FORCE_COLOR: "1" }, false, true],
    ["auto", { FORCE_COLOR: "0" }, false, false],
    ["auto", { NO_COLOR: "1", FORCE_COLOR: "1" }, true, false],
    ["always", { NO_COLOR: "1" }, false, true],
    ["never", { FORCE_COLOR: "1" }, true, false],
  ];
  for (const [color, env, isTerminal, isColorful] of table) {
    const style = styleFor({ color: color as "auto" | undefined, env, isTerminal });
    assertEquals(style === COLORFUL, isColorful, JSON.stringify([color, env, isTerminal]));
  }
});
