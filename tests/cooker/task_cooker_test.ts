import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { TaskCooker } from "../../cooker/task_cooker.ts";
import { serveInProcess } from "../../server/in_process.ts";
import { statePaths } from "../../project/state.ts";
import { systemClock } from "../../system/clock.ts";
import { MemoryLogger } from "../../system/logger.ts";
import type { Journal } from "../../wire/command_types.ts";
import type { SimmerEvent } from "../../wire/events.ts";
import { ERROR_CODES } from "../../wire/errors.ts";
import { decodeOutput } from "../../wire/output.ts";
import { TestClient } from "../server/support.ts";

/** A project whose cooker is served in this process. */
class Kitchen implements AsyncDisposable {
  readonly root: string;
  readonly client: TestClient;
  readonly #ended: Promise<void>;

  private constructor(root: string, client: TestClient, ended: Promise<void>) {
    this.root = root;
    this.client = client;
    this.#ended = ended;
  }

  static async open(files: Readonly<Record<string, unknown>>): Promise<Kitchen> {
    const root = await Deno.realPath(await Deno.makeTempDir());
    for (const [path, content] of Object.entries(files)) {
      const text = typeof content === "string" ? content : JSON.stringify(content);
      await Deno.writeTextFile(`${root}/${path}`, text);
    }
    const cooker = new TaskCooker({
      root,
      state: statePaths(root),
      cache: `${root}/.simmer/cache`,
      clock: systemClock,
      log: new MemoryLogger(),
    });
    const { channel, ended } = serveInProcess({
      cooker,
      clock: systemClock,
      log: new MemoryLogger(),
      project: { root },
    });
    const client = new TestClient(channel);
    await client.hello();
    return new Kitchen(root, client, ended);
  }

  async start(tasks: readonly string[], more: Record<string, unknown> = {}): Promise<unknown> {
    return await this.client.call("runTasks", {
      tasks,
      cwd: this.root,
      env: { PATH: Deno.env.get("PATH"), NO_COLOR: "1" },
      client: { pid: Deno.pid, command: "test" },
      ...more,
    });
  }

  async run(tasks: readonly string[], more: Record<string, unknown> = {}): Promise<SimmerEvent[]> {
    const before = this.client.messages.length;
    await this.start(tasks, more);
    await this.client.find((message): message is typeof message =>
      this.client.messages.indexOf(message) >= before && /"Command(Completed|Exit|Failed)"/.test(
        JSON.stringify(message),
      )
    );
    return this.client.events.filter((event) => event.type !== "Heartbeat");
  }

  /** Ends the server. All its files are on disk afterwards. */
  async end(): Promise<void> {
    await this.client.leave();
    await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
    await Deno.remove(this.root, { recursive: true });
  }
}

/** Lists the types of events. Merges consecutive `TaskOutput`: pipes split output anywhere. */
function types(events: readonly SimmerEvent[]): string[] {
  return events.map((event) => event.type)
    .filter((type, index, all) => type !== "TaskOutput" || all[index - 1] !== type);
}

function output(events: readonly SimmerEvent[], stream: "stdout" | "stderr"): Uint8Array {
  const pieces = events.filter((event) => event.type === "TaskOutput" && event.stream === stream)
    .map((event) => event.type === "TaskOutput" ? decodeOutput(event) : new Uint8Array());
  return new Uint8Array(pieces.flatMap((piece) => [...piece]));
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

Deno.test("a build emits its events in order, and writes them to its journal with the tasks' output", async () => {
  await using kitchen = await Kitchen.open({
    "deno.json": { tasks: { a: "echo one", b: { command: "echo two >&2", dependencies: ["a"] } } },
  });
  const events = await kitchen.run(["b"]);
  assertEquals(types(events), [
    "BuildStarted",
    "TaskQueued",
    "TaskQueued",
    "TaskStarted",
    "TaskOutput",
    "TaskSucceeded",
    "TaskStarted",
    "TaskOutput",
    "TaskSucceeded",
    "BuildCompleted",
    "CommandCompleted",
  ]);
  const last = events.findLast((event) => event.type === "BuildCompleted");
  assert(last?.type === "BuildCompleted");
  assertEquals([last.outcome, last.exitCode, last.counts.succeeded], ["succeeded", 0, 2]);
  const journal = await Deno.readTextFile(`${kitchen.root}/.simmer/builds/${last.build}.jsonl`);
  assertEquals(journal.trimEnd().split("\n").map((line) => JSON.parse(line)), events.slice(0, -1));
  const ended = events.find((event) => event.type === "TaskSucceeded");
  assert(ended?.type === "TaskSucceeded");
  assertEquals(ended.logPath, undefined, "its output is in the journal");
});

Deno.test("a failing task determines the build's exit code, and its dependents never start", async () => {
  await using kitchen = await Kitchen.open({
    "deno.json": {
      tasks: { a: "exit 300", b: { command: "echo never", dependencies: ["a"] } },
    },
  });
  const events = await kitchen.run(["b"]);
  assertEquals(types(events).slice(3), [
    "TaskStarted",
    "TaskFailed",
    "TaskCancelled",
    "BuildCompleted",
    "CommandExit",
  ]);
  const last = events.at(-1);
  assertEquals(last?.type === "CommandExit" && last.exitCode, 44);
});

Deno.test("output of ten million bytes on each stream arrives unchanged", async () => {
  const write = "import os, sys\n" +
    "for fd in (1, 2):\n" +
    "    for part in range(100):\n" +
    "        block = bytes((part * 7 + fd + i * i) % 256 for i in range(1000)) * 100\n" +
    "        while block: block = block[os.write(fd, block):]\n";
  await using kitchen = await Kitchen.open({
    "deno.json": { tasks: { write: "python3 write.py" } },
    "write.py": write,
  });
  const events = await kitchen.run(["write"]);
  for (const [stream, fd] of [["stdout", 1], ["stderr", 2]] as const) {
    const bytes = output(events, stream);
    assertEquals(bytes.length, 10_000_000);
    const isRight = bytes.every((byte, place) => {
      const i = place % 1000;
      return byte === (Math.floor(place / 100_000) * 7 + fd + i * i) % 256;
    });
    assertEquals(isRight, true, stream);
  }
});

Deno.test("a project error is answered at once, and no task runs", async () => {
  await using kitchen = await Kitchen.open({
    "deno.json": {
      tasks: { build: "echo", a: { dependencies: ["a"] }, c: { dependencies: ["x"] } },
    },
  });
  for (
    const [task, kind] of [["buidl", "unknown-task"], ["a", "cycle"], ["c", "unknown-task"]]
  ) {
    const before = kitchen.client.messages.length;
    await kitchen.start([task ?? ""]).catch(() => {});
    const response = kitchen.client.messages.slice(before).at(-1);
    assert(response !== undefined && "error" in response);
    assertEquals(response.error.code, ERROR_CODES.projectError);
    assertEquals((response.error.data as { kind: string }).kind, kind);
  }
  assertEquals(kitchen.client.events, []);
});

Deno.test("a cancel ends a running task that has grandchildren, and the rest never starts", async () => {
  await using kitchen = await Kitchen.open({
    "deno.json": {
      tasks: {
        long: "echo started && sh -c 'sleep 600 & wait'",
        next: { command: "echo never", dependencies: ["long"] },
      },
    },
  });
  await kitchen.start(["next"]);
  await kitchen.client.event("TaskOutput");
  assertEquals(await kitchen.client.call("stateShutdown"), true);
  const done = await kitchen.client.event("BuildCompleted");
  assertEquals([done.outcome, done.exitCode], ["cancelled", 130]);
  assertEquals([done.counts.cancelled, done.counts.skipped], [1, 1]);
});

Deno.test("a background process of a task ends with its build", async () => {
  await using kitchen = await Kitchen.open({
    "deno.json": { tasks: { leave: "sh -c 'sleep 600 & echo $!'" } },
  });
  const events = await kitchen.run(["leave"]);
  const pid = parseInt(text(output(events, "stdout")));
  const state = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => "gone");
  assert(state === "gone" || state.includes(") Z"), state);
});

Deno.test("scripts of a package.json run with pre and post scripts, arguments and npm's variables", async () => {
  await using kitchen = await Kitchen.open({
    "package.json": {
      name: "@me/pkg",
      version: "1.2.3",
      scripts: {
        prebuild: "echo pre $npm_lifecycle_event",
        build: "echo $npm_package_name $npm_package_version $npm_lifecycle_event",
        postbuild: "echo post",
      },
    },
  });
  const run = async (scripts?: "npm" | "deno"): Promise<string> => {
    const way = scripts === undefined ? {} : { scripts };
    return text(output(await kitchen.run(["build"], { args: ["x"], ...way }), "stdout"));
  };
  const asDeno = "pre prebuild x\n@me/pkg 1.2.3 build x\npost x\n";
  const asNpm = "pre prebuild\n@me/pkg 1.2.3 build x\npost\n";
  assertEquals(await run("deno"), asDeno);
  // The text is that of all runs so far. Only npm passes no arguments to hooks.
  assertEquals(await run("npm"), asDeno + asNpm);
  assertEquals(await run(), asDeno + asNpm + asNpm);
});

Deno.test("--eval runs a command line in the client's working directory", async () => {
  await using kitchen = await Kitchen.open({ "deno.json": {} });
  const events = await kitchen.run(["pwd && echo $INIT_CWD"], { eval: true });
  assertEquals(text(output(events, "stdout")), `${kitchen.root}\n${kitchen.root}\n`);
});

Deno.test("independent tasks run in parallel, and only their output is prefixed", async () => {
  const meet = "import os, sys, time\n" +
    "me, other = sys.argv[1:]\n" +
    "open(me, 'w').close()\n" +
    "while not os.path.exists(other): time.sleep(0.005)\n";
  await using kitchen = await Kitchen.open({
    "deno.json": {
      tasks: {
        a: "python3 meet.py a b",
        b: "python3 meet.py b a",
        both: { dependencies: ["a", "b"] },
      },
    },
    "meet.py": meet,
  });
  const events = await kitchen.run(["both"], { jobs: 2 });
  assertEquals(events.at(-1)?.type, "CommandCompleted");
  const started = events.filter((event) => event.type === "TaskStarted");
  assertEquals(started.map((event) => event.type === "TaskStarted" && event.prefixed), [
    true,
    true,
    false,
  ]);
});

Deno.test("listTasks, getVariable, setVariable and status answer", async () => {
  await using kitchen = await Kitchen.open({
    "deno.json": { tasks: { build: { command: "echo", description: "Build it" } } },
  });
  const tasks = await kitchen.client.call("listTasks") as { name: string; description: string }[];
  assertEquals(tasks.map(({ name, description }) => [name, description]), [["build", "Build it"]]);
  assertEquals(await kitchen.client.call("getVariable", { name: "a" }), null);
  assertEquals(await kitchen.client.call("setVariable", { name: "a", value: "1" }), null);
  assertEquals(await kitchen.client.call("getVariable", { name: "a" }), "1");
  const status = await kitchen.client.call("status") as { state: string };
  assertStringIncludes("running", status.state);
});

Deno.test("openJournal writes the journal of a build in progress to disk, with all its events so far", async () => {
  await using kitchen = await Kitchen.open({
    "deno.json": { tasks: { count: "echo one", long: "echo begun && sleep 600" } },
  });
  const { client } = kitchen;
  assertEquals(await client.call("openJournal"), null);
  await kitchen.run(["count"]);
  const first = await client.call("openJournal") as Journal;
  assertEquals(eventsIn(first).at(-1), "BuildCompleted");
  await kitchen.start(["long"]);
  await client.find((message): message is typeof message =>
    JSON.stringify(message).includes("begun\\n")
  );
  const newest = await client.call("openJournal") as Journal;
  assert(newest.build > first.build);
  assertEquals(eventsIn(newest), ["BuildStarted", "TaskQueued", "TaskStarted", "TaskOutput"]);
  assertEquals(await client.call("openJournal", { build: first.build }), first);
  assertEquals(await client.call("openJournal", { build: "../results" }), null);
  await client.call("cancelBuild", { force: true });
});

function eventsIn({ path }: Journal): string[] {
  return Deno.readTextFileSync(path).trimEnd().split("\n").map((line) => JSON.parse(line).type);
}
