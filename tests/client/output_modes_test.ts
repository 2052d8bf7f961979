/** `--output` and `--timestamps`, and the log of a step in GitHub Actions. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { GithubRenderer } from "../../client/render/github/github.ts";
import { jobSummary } from "../../client/render/github/job_summary.ts";
import { type PlainOptions, PlainRenderer } from "../../client/render/plain.ts";
import { PLAIN } from "../../client/render/style.ts";
import { TaskBlocks } from "../../client/render/tasks/task_blocks.ts";
import type { StreamName } from "../../client/output.ts";
import type { EventBody, SimmerEvent } from "../../wire/events.ts";
import { encodeOutput } from "../../wire/output.ts";

const build = "b1";
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Written output, with `!` before each piece for stderr. */
class Written {
  text = "";

  write(stream: StreamName, data: string | Uint8Array): void {
    const text = typeof data === "string" ? data : new TextDecoder().decode(data);
    this.text += stream === "stdout" ? text : `!${text}`;
  }
}

function options(sink: Written, given: Partial<PlainOptions>): PlainOptions {
  return {
    sink,
    styles: { stdout: PLAIN, stderr: PLAIN },
    isOneScreen: false,
    quiet: false,
    prefix: true,
    logLevel: "warn",
    ...given,
  };
}

/** Shows events, each after the one before has been shown. */
async function shown(
  bodies: readonly EventBody[],
  given: Partial<PlainOptions>,
): Promise<string> {
  const sink = new Written();
  const renderer = new PlainRenderer(options(sink, given));
  for (const event of stamped(bodies)) await renderer.event(event);
  return sink.text;
}

function stamped(bodies: readonly EventBody[]): SimmerEvent[] {
  return bodies.map((body, index) => ({ ...body, seq: index + 1, time: index * 1000 }));
}

function began(total: number): EventBody {
  const client = { pid: 100, command: "simmer run a b" };
  return { type: "BuildStarted", build, requested: [], total, jobs: 4, client };
}

function queued(task: string): EventBody {
  return { type: "TaskQueued", build, task, name: task, dependencies: [], prefixed: true };
}

function started(task: string): EventBody {
  return { type: "TaskStarted", build, task, name: task, cwd: "/p", prefixed: true, command: "x" };
}

function wrote(task: string, text: string, stream: StreamName = "stdout"): EventBody {
  return { type: "TaskOutput", build, task, stream, text };
}

function succeeded(task: string): EventBody {
  return { type: "TaskSucceeded", build, task, durationMs: 1 };
}

function failed(task: string): EventBody {
  return { type: "TaskFailed", build, task, exitCode: 7, durationMs: 1 };
}

const COMPLETED: EventBody = {
  type: "BuildCompleted",
  build,
  outcome: "failed",
  exitCode: 7,
  counts: { total: 2, succeeded: 1, cached: 0, failed: 1, cancelled: 0, skipped: 0 },
  durationMs: 5,
  failures: [{ task: "b", exitCode: 7 }],
};

const END = "!simmer: b failed with exit code 7\n!simmer: 2 tasks run, 1 failed in 5 ms\n";

/** Two tasks that run at the same time. */
const MIXED = [
  began(2),
  queued("a"),
  queued("b"),
  started("a"),
  started("b"),
  wrote("a", "a1\na"),
  wrote("b", "b1\n", "stderr"),
  wrote("a", "2\n"),
  wrote("b", "b2"),
  failed("b"),
  succeeded("a"),
  COMPLETED,
];

Deno.test("grouped output is a block for each task, in the order in which the tasks end", async () => {
  assertEquals(
    await shown(MIXED, { output: "grouped" }),
    `!Task b x\n!b1\nb2\n!Task a x\na1\na2\n${END}`,
  );
  assertEquals(
    await shown(MIXED, { output: "grouped", quiet: true }),
    "!b1\nb2\na1\na2\n!simmer: b failed with exit code 7\n",
  );
});

Deno.test("errors shows the output of failed tasks only, and none shows none", async () => {
  assertEquals(await shown(MIXED, { output: "errors" }), `!Task b x\n!b1\nb2\n${END}`);
  assertEquals(await shown(MIXED, { output: "none" }), END);
});

Deno.test("grouped output of a single task passes at once and byte for byte", async () => {
  const events = [began(1), queued("a"), started("a"), wrote("a", "no newline")];
  assertEquals(await shown(events, { output: "grouped" }), "!Task a x\nno newline");
});

Deno.test("a task that has the keyboard is shown as it writes, also in blocks", async () => {
  const events: EventBody[] = [
    ...MIXED.slice(0, 4),
    { type: "KeyboardTaken", build, task: "a" },
    wrote("a", "name? "),
  ];
  assertEquals(await shown(events, { output: "grouped" }), "!Task a x\nname? ");
});

Deno.test("replayed output is a block as soon as all of it has come", async () => {
  const hit = { type: "TaskCached", build, name: "a", command: "x", fingerprint: "f" } as const;
  const events: EventBody[] = [
    began(3),
    ...["a", "b", "c"].map(queued),
    { ...hit, task: "a", replayedBytes: 6 },
    wrote("a", "a1\n"),
    started("b"),
    wrote("a", "a2\n"),
    { ...hit, task: "c", name: "c" },
  ];
  const expected =
    "!Task a x (cached, inputs unchanged)\na1\na2\n!Task c x (cached, inputs unchanged)\n";
  assertEquals(await shown(events, { output: "grouped" }), expected);
  assertEquals(await shown(events, { output: "errors" }), "");
});

Deno.test("output of a task that was ended is shown in its block, and of others at the end", async () => {
  const events: EventBody[] = [
    ...MIXED.slice(0, 9),
    { type: "TaskCancelled", build, task: "a", wasRunning: true },
    COMPLETED,
  ];
  assertEquals(
    await shown(events, { output: "grouped" }),
    `!Task a x\na1\na2\n!Task b x\n!b1\nb2\n${END}`,
  );
});

Deno.test("output of a task whose start was missed is a block without a header", async () => {
  const events = [wrote("a", "a1\n"), wrote("b", "b1\n"), succeeded("b"), COMPLETED];
  assertEquals(await shown(events, { output: "grouped" }), `b1\na1\n${END}`);
  assertEquals(await shown(events, { output: "errors" }), END);
});

Deno.test("times are before each line, after the name, and lines that come in parts have one", async () => {
  assertEquals(
    await shown(MIXED.slice(0, 9), { timestamps: true }),
    "!Task a x\n!Task b x\n[a] 1970-01-01T00:00:05.000Z a1\n" +
      "![b] 1970-01-01T00:00:06.000Z b1\n[a] 1970-01-01T00:00:05.000Z a2\n",
  );
  const lone = { ...queued("a"), prefixed: false } as EventBody;
  assertEquals(
    await shown([began(1), lone, wrote("a", "x"), wrote("a", "y\n\nz")], { timestamps: true }),
    "1970-01-01T00:00:02.000Z xy\n1970-01-01T00:00:03.000Z \n1970-01-01T00:00:03.000Z z",
  );
});

Deno.test("blocks are in memory up to a limit, then in files, and come back whole and in order", () => {
  using blocks = new TaskBlocks();
  const line = (at: number): Uint8Array => bytes(`${at} `.padEnd(1000, "x"));
  for (let at = 0; at < 20_000; at++) {
    blocks.add(`task${at % 20}`, { stream: at % 3 === 0 ? "stderr" : "stdout", bytes: line(at) });
  }
  blocks.add("big", { stream: "stdout", bytes: new Uint8Array(1_000_000).fill(1) });
  assert(blocks.bytes <= 4 * 1024 * 1024, `${blocks.bytes} bytes in memory`);
  const pieces = [...blocks.take("task7")];
  assertEquals(pieces.length, 1000);
  for (const [index, { stream, bytes: taken }] of pieces.entries()) {
    const at = index * 20 + 7;
    assertEquals([stream, taken], [at % 3 === 0 ? "stderr" : "stdout", line(at)]);
  }
  const whole = [...blocks.take("big")].reduce((sum, each) => sum + each.bytes.length, 0);
  assertEquals(whole, 1_000_000);
  assertEquals([...blocks.take("big")], []);
});

Deno.test("a large block is written only as fast as the sink takes it", async () => {
  const sink = new Written();
  let waits = 0;
  const settled = (): Promise<void> => Promise.resolve(void waits++);
  const renderer = new PlainRenderer(options(sink, { output: "grouped", settled }));
  const piece = new Uint8Array(100_000).fill(0x61);
  const events: EventBody[] = [
    ...MIXED.slice(0, 4),
    ...Array(50).fill({ type: "TaskOutput", build, task: "a", stream: "stdout", text: "" })
      .map((event) => ({ ...event, ...encodeOutput(piece) })),
    succeeded("a"),
  ];
  for (const event of stamped(events)) await renderer.event(event);
  assertEquals(sink.text.length, "!Task a x\n".length + 5_000_000 + 1);
  assert(waits >= 4, `waited ${waits} times`);
});

/** Shows events in a step of GitHub Actions. Returns the log and the summary. */
async function step(
  bodies: readonly EventBody[],
  given: { hasGroups?: boolean; summaryPath?: string } = {},
): Promise<{ readonly log: string; readonly summary: string }> {
  const sink = new Written();
  const summaryPath = given.summaryPath ?? await Deno.makeTempFile();
  const renderer = new GithubRenderer({
    ...options(sink, { output: "grouped" }),
    hasGroups: given.hasGroups ?? true,
    summaryPath,
  });
  for (const event of stamped(bodies)) await renderer.event(event);
  if (given.summaryPath !== undefined) return { log: sink.text, summary: "" };
  const summary = await Deno.readTextFile(summaryPath);
  await Deno.remove(summaryPath);
  return { log: sink.text, summary };
}

Deno.test("in GitHub Actions, each task is a group on stdout, and a failure is annotated", async () => {
  const { log } = await step(MIXED);
  assertEquals(
    log,
    "::group::b\nTask b x\nb1\nb2\n::endgroup::\n::group::a\nTask a x\na1\na2\n::endgroup::\n" +
      `${END}!::error title=b failed::exit code 7%0Ab1%0Ab2\n`,
  );
  const { log: single } = await step([
    began(1),
    { ...queued("b"), prefixed: false } as EventBody,
    started("b"),
    wrote("b", "::warning::x\nrest"),
    failed("b"),
    COMPLETED,
  ]);
  assertStringIncludes(single, "!Task b x\n::warning::x\nrest!simmer: b failed");
});

Deno.test("a cache hit is a group only if its output is replayed", async () => {
  const hit = { type: "TaskCached", build, command: "x", fingerprint: "f" } as const;
  const { log } = await step([
    began(2),
    queued("a"),
    queued("b"),
    { ...hit, task: "a", name: "a" },
    { ...hit, task: "b", name: "b", replayedBytes: 2 },
    wrote("b", "b\n"),
  ]);
  const note = "(cached, inputs unchanged)";
  assertEquals(log, `Task a x ${note}\n::group::b\nTask b x ${note}\nb\n::endgroup::\n`);
});

Deno.test("commands of a task pass in its group, and names are escaped in those of simmer", async () => {
  const name = "a%: ,\nb";
  const events: EventBody[] = [
    began(2),
    queued(name),
    started(name),
    wrote(name, "::error file=x.ts::bad\n::stop-com"),
    wrote(name, "mands::tok-1\n::set-output name=x::y"),
    failed(name),
    { ...COMPLETED, failures: [{ task: name, exitCode: 7, reason: "50%" }] } as EventBody,
  ];
  const { log } = await step(events);
  assertStringIncludes(
    log,
    "::group::a%25: ,\\nb\nTask a%: ,\\nb x\n::error file=x.ts::bad\n::stop-commands::tok-1\n" +
      "::set-output name=x::y\n::tok-1::\n::endgroup::\n",
  );
  assertStringIncludes(log, "!::error title=a%25%3A %2C\\nb failed::exit code 7 (50%25)%0A");
});

Deno.test("the job summary is Markdown in which names and output are only text", () => {
  const text = jobSummary({
    command: "simmer run 'a|b' `x`",
    durationMs: 3000,
    tasks: [
      { name: "ok", outcome: "succeeded", durationMs: 10 },
      {
        name: "<b>|*x*",
        outcome: "failed",
        durationMs: 2000,
        exitCode: 7,
        lastLines: ["a </pre> b", "", "# c"],
      },
      { name: "later", outcome: "not run", durationMs: undefined },
    ],
  });
  assertEquals(
    text,
    [
      "### <code>simmer run &#39;a&#124;b&#39; &#96;x&#96;</code>",
      "",
      "1 failed, 1 not run, 1 succeeded in 3.0 s",
      "",
      "| outcome | task | time |",
      "| --- | --- | ---: |",
      "| **failed** | <code>&#60;b&#62;&#124;&#42;x&#42;</code> | 2.0 s |",
      "| not run | <code>later</code> |  |",
      "| succeeded | <code>ok</code> | 10 ms |",
      "",
      "<details><summary><code>&#60;b&#62;&#124;&#42;x&#42;</code> failed with exit code 7</summary>",
      "",
      "<pre>a &#60;/pre&#62; b\n\n# c</pre>",
      "",
      "</details>",
      "",
      "",
    ].join("\n"),
  );
});

Deno.test("a job summary has at most a hundred tasks, failures first", () => {
  const tasks = [...Array(500).keys()].map((at) => ({
    name: `t${at}`,
    outcome: at === 400 ? "failed" as const : "cached" as const,
    durationMs: undefined,
  }));
  const text = jobSummary({ command: "x", durationMs: 1, tasks });
  assertEquals(text.match(/^\| cached/gm)?.length, 99);
  assertMatch(text, /---: \|\n\| \*\*failed\*\* \| <code>t400/);
  assertStringIncludes(text, "and 400 more tasks");
});

Deno.test("a job summary is added to the file, and a failure to write it is a warning", async () => {
  const { summary } = await step(MIXED);
  assertStringIncludes(summary, "1 failed, 1 succeeded in 5 ms");
  const { log } = await step(MIXED, { summaryPath: "/dev/null/summary" });
  assertStringIncludes(log, "simmer: cannot write the job summary to /dev/null/summary: ");
});
