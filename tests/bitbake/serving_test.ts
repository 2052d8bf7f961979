import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Project } from "../e2e/support.ts";

const UI = new URL("../peers/bitbake_ui.py", import.meta.url).pathname;

const TASKS = {
  tasks: {
    prep: "echo prepared",
    demo: { command: "echo hello", dependencies: ["prep"] },
    fail: "echo trying && exit 3",
    slow: "echo begun && cat wait.fifo",
    cached: { command: "cat deno.json > copy.txt", files: ["deno.json"], output: ["copy.txt"] },
    "demo:compile": "echo compiled",
  },
};

interface Said {
  readonly reply?: [unknown, unknown];
  readonly event?: { readonly class: string; readonly [attribute: string]: unknown };
}

const WAYS = ["socket", "XML-RPC"] as const;
type Way = typeof WAYS[number];

/** Server for BitBake's clients, and a UI that speaks their protocol. */
class Kitchen implements AsyncDisposable {
  readonly project: Project;
  readonly #server: ReturnType<Project["start"]>;
  readonly #where: string;

  private constructor(project: Project, server: ReturnType<Project["start"]>, where: string) {
    this.project = project;
    this.#server = server;
    this.#where = where;
  }

  static async open(way: Way = "socket"): Promise<Kitchen> {
    const project = await Project.create({ "deno.json": TASKS });
    await project.runProgram(["mkfifo", "wait.fifo"]);
    const server = project.start([
      "serve",
      "--bitbake",
      ...(way === "XML-RPC" ? ["--xmlrpc=0"] : []),
    ]);
    await server.stderr.until("BitBake: ");
    const address = project.xmlrpc();
    return new Kitchen(
      project,
      server,
      way === "socket" ? `${project.root}/bitbake.sock` : address,
    );
  }

  start(commands: readonly unknown[]): ReturnType<Project["start"]> {
    const setUp = [
      ["setFeatures", [2, 1]],
      ["updateConfig", { halt: true }, { PATH: Deno.env.get("PATH") ?? "" }, ["bitbake"]],
      ["setEventMask", 1, 20, {}, ["*"]],
    ];
    return this.project.startProgram([
      "python3",
      UI,
      this.#where,
      ...[...setUp, ...commands].map((each) => JSON.stringify(each)),
    ]);
  }

  async run(...commands: readonly unknown[]): Promise<Said[]> {
    const { stdout, stderr } = await this.start(commands).finished();
    assertEquals(stderr, "");
    return stdout.trim().split("\n").map((line) => JSON.parse(line) as Said);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.project[Symbol.asyncDispose]();
    await this.#server.finished();
  }
}

function classes(said: readonly Said[]): string[] {
  return said.flatMap(({ event }) => event === undefined ? [] : event.class.split(".").at(-1) ?? "")
    .filter((name) => name !== "HeartbeatEvent");
}

function texts(said: readonly Said[]): string[] {
  return said.flatMap(({ event }) => event?.class === "logging.LogRecord" ? String(event.msg) : []);
}

/** Returns log records that BitBake's own client shows as `NOTE: …`, as Python formats them. */
function notes(said: readonly Said[]): string[] {
  return said.flatMap(({ event }) =>
    event?.class === "logging.LogRecord" && event.levelno === 20 ? String(event.shown) : []
  );
}

/** Returns the last note of a build, in the words of BitBake's run queue. */
function tasksSummary(attempted: number, skipped: number, failed: number): string {
  const outcome = failed === 0 ? "all succeeded" : `${failed} failed`;
  return `NOTE: Tasks Summary: Attempted ${attempted} tasks of which ${skipped} didn't need to be ` +
    `rerun and ${outcome}.`;
}

for (const way of WAYS) {
  Deno.test(`by ${way}: a BitBake UI that runs a target gets the events that it needs, in order`, async () => {
    await using kitchen = await Kitchen.open(way);
    const said = await kitchen.run(["buildTargets", ["demo"], "build"]);
    assertEquals(said.filter(({ reply }) => reply !== undefined).map(({ reply }) => reply), [
      [null, null],
      [null, null],
      [true, null],
      [true, null],
    ]);
    const task = ["runQueueTaskStarted", "TaskStarted", "LogRecord", "TaskSucceeded"];
    assertEquals(classes(said), [...task, ...task, "LogRecord", "CommandCompleted"]);
    assertEquals(texts(said).slice(0, 2), ["prepared", "hello"]);
    const found = await kitchen.run(["buildTargets", ["cached"], "build"]);
    assertEquals(classes(found).at(-1), "CommandCompleted");
    const again = await kitchen.run(["buildTargets", ["cached"], "build"]);
    assertEquals(texts(again)[0], "cached: cached, inputs unchanged");
  });
}

for (const way of WAYS) {
  Deno.test(`by ${way}: a failing task, an unknown target and another task of a target give BitBake's events`, async () => {
    await using kitchen = await Kitchen.open(way);
    const failed = await kitchen.run(["buildTargets", ["fail"], "build"]);
    assertEquals(classes(failed).slice(-4), [
      "TaskFailed",
      "runQueueTaskFailed",
      "LogRecord",
      "CommandCompleted",
    ]);
    const event = failed.find(({ event }) => event?.class === "bb.runqueue.runQueueTaskFailed")
      ?.event;
    assertEquals(event?.exitcode, 3);
    const unknown = await kitchen.run(["buildTargets", ["nobody"], "build"]);
    assertEquals(classes(unknown), ["NoProvider", "CommandFailed"]);
    const other = await kitchen.run(["buildTargets", ["demo"], "compile"]);
    assertEquals(texts(other)[0], "compiled");
    const written = await kitchen.run(["buildTargets", ["demo:do_compile"], "build"]);
    assertEquals(texts(written)[0], "compiled");
  });
}

for (const way of WAYS) {
  Deno.test(`by ${way}: a build ends with BitBake's "Tasks Summary" note, in both forms`, async () => {
    await using kitchen = await Kitchen.open(way);
    const build = async (targets: readonly string[], halt = true): Promise<string[]> =>
      notes(
        await kitchen.run(
          ["updateConfig", { halt }, { PATH: Deno.env.get("PATH") ?? "" }, ["bitbake"]],
          ["buildTargets", targets, "build"],
        ),
      );
    assertEquals(await build(["demo"]), [tasksSummary(2, 0, 0)]);
    assertEquals(await build(["cached"]), [tasksSummary(1, 0, 0)]);
    assertEquals(await build(["cached", "prep"]), [tasksSummary(2, 1, 0)]);
    assertEquals(await build(["fail"]), [tasksSummary(1, 0, 1)]);
    assertEquals(await build(["fail", "demo"], false), [tasksSummary(3, 0, 1)]);
  });
}

/** Options of BitBake without a counterpart in simmer, as `updateConfig` sends them. */
const UNSUPPORTED: readonly (readonly [option: string, key: string, value: unknown])[] = [
  ["-S", "dump_signatures", ["none"]],
  ["--setscene-only", "setsceneonly", true],
  ["--runall", "runall", ["compile"]],
  ["--runonly", "runonly", ["compile"]],
  ["-C", "invalidate_stamp", "compile"],
  ["-r", "prefile", ["pre.conf"]],
  ["-R", "postfile", ["post.conf"]],
  ["-w", "writeeventlog", "events.json"],
  ["-I", "extra_assume_provided", ["prep"]],
  ["-P", "profile", ["main"]],
];

/** Default values of BitBake's options, as its client sends them. */
const NOT_GIVEN = {
  halt: true,
  force: false,
  invalidate_stamp: null,
  dry_run: false,
  dump_signatures: [],
  extra_assume_provided: [],
  profile: [],
  prefile: [],
  postfile: [],
  server_timeout: null,
  nosetscene: false,
  setsceneonly: false,
  skipsetscene: false,
  runall: [],
  runonly: null,
  writeeventlog: null,
};

for (const way of WAYS) {
  Deno.test(`by ${way}: an option without a counterpart is refused with a reason, and no task runs`, async () => {
    await using kitchen = await Kitchen.open(way);
    const environment = { PATH: Deno.env.get("PATH") ?? "" };
    for (const [option, key, value] of UNSUPPORTED) {
      const said = await kitchen.run(
        ["updateConfig", { ...NOT_GIVEN, [key]: value }, environment, ["bitbake"]],
        ["buildTargets", ["demo"], "build"],
      );
      const [result, error] = said.at(-1)?.reply ?? [];
      assertEquals([result, classes(said)], [null, []], option);
      assertMatch(String(error), new RegExp(`^${option} is not supported: .+$`));
    }
    for (
      const [option, ...action] of [["-b", "buildFile", "a.bb", "build"], [
        "--revisions-changed",
        "compareRevisions",
      ]]
    ) {
      const [result, error] = (await kitchen.run(action)).at(-1)?.reply ?? [];
      assertEquals(result, null);
      assertMatch(String(error), new RegExp(`^${option} is not supported: .+$`));
    }
    const plain = await kitchen.run(
      ["updateConfig", NOT_GIVEN, environment, ["bitbake"]],
      ["buildTargets", ["demo"], "build"],
    );
    assertEquals(classes(plain).at(-1), "CommandCompleted");
  });
}

for (const way of WAYS) {
  Deno.test(`by ${way}: lists, the environment, a graph and a dry run are actions, and unknown commands are refused`, async () => {
    await using kitchen = await Kitchen.open(way);
    assertEquals(classes(await kitchen.run(["parseFiles"])), [
      "ParseStarted",
      "ParseProgress",
      "ParseCompleted",
      "CommandCompleted",
    ]);
    assertEquals(texts(await kitchen.run(["showVersions"])).length, 6);
    const environment = texts(await kitchen.run(["showEnvironment", null]));
    assertEquals(environment[0], `SIMMER_ROOT="${kitchen.project.root}"`);
    await kitchen.run(["generateDotGraph", ["demo"], "build"]);
    assertStringIncludes(await kitchen.project.read("task-depends.dot"), '"demo" -> "prep"');
    const dry = await kitchen.run(
      ["updateConfig", { halt: true, dry_run: true }, { PATH: "" }, ["bitbake", "-n", "demo"]],
      ["buildTargets", ["demo"], "build"],
    );
    assertEquals(texts(dry), ["would run: prep  echo prepared", "would run: demo  echo hello"]);
    const [, , , reply] = await kitchen.run(["noSuchThing"]);
    assertEquals(reply?.reply, [null, "No such command"]);
  });
}

Deno.test("other clients are answered during a build, and a killed client does not block the next build", async () => {
  await using kitchen = await Kitchen.open();
  const builder = kitchen.start([["buildTargets", ["slow"], "build"]]);
  await builder.stdout.until("begun");
  const status = await kitchen.run(["ping"]);
  assertEquals(status.at(-1)?.reply, ["Still alive!", null]);
  const busy = await kitchen.run(["buildTargets", ["demo"], "build"]);
  assert(String(busy.at(-1)?.reply?.[1]).length > 0, "it is told why not");
  builder.kill("SIGKILL");
  await builder.finished();
  const events = await kitchen.project.run(["run", "demo"]);
  assertEquals([events.code, events.stdout], [0, "prepared\nhello\n"]);
});

Deno.test("R4 R10 a server for BitBake's clients runs one build at a time", async () => {
  await using kitchen = await Kitchen.open();
  const { project } = kitchen;
  const { policy } = JSON.parse((await project.run(["status", "--json"])).stdout);
  assertEquals(policy, "single");
  const builder = kitchen.start([["buildTargets", ["slow"], "build"]]);
  await builder.stdout.until("begun");
  const refused = await project.run(["run", "--busy", "refuse", "prep"]);
  assertEquals([refused.code, refused.stdout], [4, ""]);
  const waiting = project.start(["run", "prep"]);
  await waiting.stderr.until("next in the queue");
  await Deno.writeTextFile(`${project.root}/wait.fifo`, "opened\n");
  assertEquals((await builder.finished()).code, 0);
  assertEquals((await waiting.finished()).stdout, "prepared\n");
});

Deno.test("stateShutdown of a BitBake client stops its build, and terminateServer ends the server", async () => {
  await using kitchen = await Kitchen.open();
  const said = await kitchen.run(["buildTargets", ["slow"], "build"], ["stateShutdown"]);
  assertStringIncludes(classes(said).join(" "), "runQueueExitWait");
  assertEquals(classes(said).at(-1), "CommandFailed");
  await kitchen.run(["terminateServer"]);
  const { code } = await kitchen.project.run(["stop"]);
  assertEquals(code, 0);
  assertEquals(
    [...Deno.readDirSync(kitchen.project.root)].map(({ name }) => name)
      .filter((name) => name.startsWith("bitbake")),
    [],
  );
});
