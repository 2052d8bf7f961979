import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { decode, type PyValue, toPlain } from "../../bitbake/pickle/mod.ts";
import { StandIn } from "./bitbake_server.ts";

const TRANSCRIPTS = new URL("./transcripts/", import.meta.url);
const UI = new URL("../peers/bitbake_ui.py", import.meta.url).pathname;

/** The locale that BitBake's own client sets. */
const LC_ALL = "en_US.UTF-8";

/** Returns the commands of a recorded client, in order. */
async function recorded(name: string): Promise<unknown[][]> {
  const text = await Deno.readTextFile(new URL(name, TRANSCRIPTS));
  return text.split("\n").filter((line) => line !== "")
    .map((line) => JSON.parse(line) as { dir: string; channel: string; pickle?: string })
    .filter(({ dir, channel }) => dir === "c2s" && channel === "command")
    .flatMap(({ pickle }) => pickle === undefined ? [] : [decode(Uint8Array.fromHex(pickle))])
    .map((command: PyValue) => toPlain(command) as unknown[]);
}

/** Removes arguments that differ between clients: environment, words, targets, classes. */
function kindOf([name, ...args]: readonly unknown[]): readonly unknown[] {
  switch (name) {
    case "updateConfig":
      return [name, args[0]];
    case "setEventMask":
      return [name, args[1], args[2]];
    case "buildTargets":
    case "setConfig":
      return [name];
    default:
      return [name, ...args];
  }
}

Deno.test("simmer run sends the recorded commands of BitBake's client in their order, with the same options", async () => {
  await using server = await StandIn.start();
  const { code, stderr } = await server.simmer(["run", "hello"]);
  assertEquals(code, 0, stderr);
  const expected = await recorded("a_build_warm.jsonl");
  assert(expected.length > 8, `${expected.length} commands were recorded`);
  assertEquals(server.commands.map(kindOf), expected.map(kindOf));
  const [, , environment, words] = server.commands[1] ?? [];
  const { HOME, PWD } = environment as Record<string, string>;
  assertEquals([HOME, PWD], [Deno.env.get("HOME"), server.folder]);
  assertEquals(words, ["simmer", "run", "hello", "--server", `unix:${server.folder}/bitbake.sock`]);
  // The default task comes from the server.
  assertEquals(server.commands.slice(-2), [["setConfig", "cmd", "bake"], [
    "buildTargets",
    ["hello"],
    "bake",
  ]]);
});

Deno.test("simmer stop sends the same commands as 'bitbake -m'", async () => {
  await using server = await StandIn.start();
  const { code, stderr } = await server.simmer(["stop"]);
  assertEquals(code, 0, stderr);
  const expected = await recorded("c_kill.jsonl");
  assertEquals(server.commands.map(kindOf), expected.map(kindOf));
});

Deno.test("simmer run over XML-RPC registers, sets its features, becomes the client, and continues as over the socket", async () => {
  await using server = await StandIn.start({ xmlrpc: true });
  const { code, stderr } = await server.simmer(["run", "hello"]);
  assertEquals(code, 0, stderr);
  const [features, ...rest] = (await recorded("a_build_warm.jsonl")).map(kindOf);
  const expected = [["registerEventHandler"], features, ["addClient"], ...rest]
    .map((command) => command?.[0] === "getUIHandlerNum" ? ["getEventHandle"] : command);
  assertEquals(server.commands.map(kindOf), expected);
});

for (const xmlrpc of [false, true]) {
  const way = xmlrpc ? "XML-RPC" : "its socket";
  Deno.test(`by ${way}: each simmer command sends updateConfig to a fresh server before a command that needs it`, async () => {
    for (
      const args of [["status"], ["call", "getVariable", '"TOPDIR"'], ["run", "hello"], ["ping"]]
    ) {
      await using server = await StandIn.start({ xmlrpc });
      const { code, stderr } = await server.simmer(args);
      assertEquals(code, 0, `${args.join(" ")}: ${stderr}`);
      const names = server.commands.map(([name]) => name);
      const first = names.findIndex((name) => /^(get|build|setConfig|setEvent)/.test(`${name}`));
      if (args[0] !== "ping") assertEquals(names[first - 1], "updateConfig", `${names}`);
      else assertEquals(names.filter((name) => name === "updateConfig"), []);
    }
  });
}

/** Connects like the next `bitbake` that runs in the build folder. */
async function nextBitbake(
  server: StandIn,
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const options = (await recorded("a_build_warm.jsonl"))[1]?.[1];
  const { code, stderr } = await server.project.runProgram([
    "python3",
    UI,
    `${server.folder}/bitbake.sock`,
    ...[
      ["setFeatures", [2, 1]],
      ["updateConfig", options, env, ["bitbake", "hello"]],
      ["getVariable", "TOPDIR"],
    ].map((each) => JSON.stringify(each)),
  ]);
  assertEquals([code, stderr], [0, ""]);
}

/** Commands of simmer that contact the server. */
const CONTACTS = [
  ["ping"],
  ["status"],
  ["call", "getVariable", '"TOPDIR"'],
  ["run", "hello"],
  ["run", "-k", "--force", "hello"],
];

/** Returns the variables of a shell in the build folder that BitBake's server compares. */
function shell(
  server: StandIn,
  more: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const own = Object.fromEntries(
    ["HOME", "LOGNAME", "SHELL", "USER"].flatMap((name) => {
      const value = Deno.env.get(name);
      return value === undefined ? [] : [[name, value]];
    }),
  );
  // The program that starts Python may have added folders to PATH.
  const [, PATH = ""] = /\0PATH=([^\0]*)\0/.exec(
    `\0${Deno.readTextFileSync(`/proc/${server.pid}/environ`)}`,
  ) ?? [];
  return { ...own, PATH, PWD: server.folder, LC_ALL, ...more };
}

Deno.test("no simmer command makes the next bitbake parse everything again, whatever the folder", async () => {
  await using server = await StandIn.start();
  await nextBitbake(server, shell(server));
  const folders = ["", "build", "build/conf"];
  for (const [at, args] of CONTACTS.entries()) {
    const folder = folders[at % folders.length] ?? "";
    const env = { PWD: `${server.project.root}/${folder}` };
    const { code, stderr } = await server.simmer(args, { folder, env });
    assertEquals(code, 0, `${args.join(" ")}: ${stderr}`);
    await nextBitbake(server, shell(server));
    assertEquals(server.resets, [], `${args.join(" ")} in ${folder}`);
  }
});

Deno.test("a simmer command in a shell that is not set up for the build folder keeps the server's variables", async () => {
  const BB_ENV_PASSTHROUGH_ADDITIONS = "MACHINE";
  await using server = await StandIn.start({
    env: { BBPATH: "/oe/build", BB_ENV_PASSTHROUGH_ADDITIONS, MACHINE: "qemux86-64", LC_ALL },
  });
  const env = { BBPATH: "/oe/build", BB_ENV_PASSTHROUGH_ADDITIONS };
  await nextBitbake(server, shell(server, env));
  for (const BBPATH of [undefined, "/another/build"]) {
    const own = { PATH: `/own/bin:${Deno.env.get("PATH")}`, MACHINE: "own" };
    const given = BBPATH === undefined ? own : { ...own, BBPATH };
    const { code, stderr } = await server.simmer(["status"], { env: given });
    assertEquals(code, 0, stderr);
    await nextBitbake(server, shell(server, env));
    assertEquals(server.resets, []);
  }
  // A shell that is set up sends its own variables.
  await server.simmer(["status"], { env: { ...env, MACHINE: "own" } });
  const [, , sent] = server.commands.findLast(([name]) => name === "updateConfig") ?? [];
  assertEquals((sent as Record<string, string>).MACHINE, "own");
});

Deno.test("folders that the start of Python prepends to PATH do not make the next bitbake parse again", async () => {
  const PATH = Deno.env.get("PATH") ?? "";
  await using server = await StandIn.start({ env: { PATH: `/shims/bin:${PATH}` } });
  await nextBitbake(server, shell(server));
  const { code, stderr } = await server.simmer(["status"], { env: { PATH } });
  assertEquals(code, 0, stderr);
  await nextBitbake(server, shell(server));
  assertEquals(server.resets, []);
});

Deno.test("BBPRECONF, BBPOSTCONF and BB_SERVER_TIMEOUT are sent as options, as by BitBake's client", async () => {
  await using server = await StandIn.start();
  const env = { BBPRECONF: "pre.conf", BBPOSTCONF: "post.conf", BB_SERVER_TIMEOUT: "60" };
  await server.simmer(["status"], { env });
  const [, options] = server.commands.find(([name]) => name === "updateConfig") ?? [];
  const { prefile, postfile, server_timeout } = options as Record<string, unknown>;
  assertEquals([prefile, postfile, server_timeout], [["pre.conf"], ["post.conf"], "60"]);
});

for (const xmlrpc of [false, true]) {
  const way = xmlrpc ? "XML-RPC" : "its socket";
  Deno.test(`by ${way}: PLAIN and NOTE messages are shown as by BitBake, and a task's notes are not shown`, async () => {
    await using server = await StandIn.start({ xmlrpc });
    const { stderr } = await server.simmer(["run", "hello"]);
    const shown = stderr.split("\n").filter((line) => !/^(simmer:|Task)/.test(line));
    assertEquals(shown, [
      "NOTE: Resolving any missing task queue dependencies",
      "left  |right|007|1.50",
      "a plain line of the task",
      "WARNING: a-1.0-r0:do_build: a warning of the task",
      "NOTE: Tasks Summary: Attempted 1 tasks of which 0 didn't need to be rerun and all succeeded.",
      "",
    ]);
    const debug = await server.simmer(["run", "hello", "--log-level", "debug"]);
    assertStringIncludes(debug.stderr, "NOTE: a-1.0-r0:do_build: a note of the task");
    const quiet = await server.simmer(["run", "hello", "--quiet"]);
    assertEquals(quiet.stderr, "WARNING: a-1.0-r0:do_build: a warning of the task\n");
    const call = await server.simmer(["call", "showVersions"]);
    assertEquals([call.code, call.stdout], [0, "true\n"]);
    assertEquals(call.stderr.split("\n"), shown);
    const json = await server.simmer(["run", "hello", "--json"]);
    const records = json.stdout.trim().split("\n").map((line) => JSON.parse(line))
      .filter(({ type }) => type === "LogRecord");
    assertEquals(records.map(({ label }) => label), ["NOTE", "PLAIN", "PLAIN", "WARNING", "NOTE"]);
  });

  Deno.test(`by ${way}: simmer call sends each JSON value as one argument, even a list`, async () => {
    await using server = await StandIn.start({ xmlrpc });
    const calls: readonly (readonly unknown[])[] = [
      ["findProviders"],
      ["findProviders", [2, 1]],
      ["findProviders", []],
      ["findProviders", {}],
      ["findProviders", { a: [1] }],
      ["findProviders", "x"],
      ["findProviders", ["a", "b"], "build", null],
      ["setFeatures", [2, 1]],
      ["setEventMask", 1, 20, {}, ["*"]],
    ];
    for (const [name, ...args] of calls) {
      const words = args.map((each) => JSON.stringify(each));
      const { code, stdout, stderr } = await server.simmer(["call", `${name}`, ...words]);
      assertEquals(code, 0, stderr);
      assertEquals(server.commands.at(-1), [name, ...args]);
      if (name === "findProviders") assertEquals(JSON.parse(stdout), args);
    }
  });

  Deno.test(`by ${way}: an error of BitBake is reported as BitBake's, in one sentence`, async () => {
    await using server = await StandIn.start({ xmlrpc });
    const broken = await server.simmer(["call", "getVariable", '"BROKEN"']);
    assertEquals(broken.code, 1);
    assertEquals(broken.stderr.split("\n"), [
      "ERROR: Unable to parse /layer/conf/local.conf",
      "simmer: BitBake: Unable to parse /layer/conf/local.conf",
      "",
    ]);
    const update = await server.simmer(["call", "updateConfig", "{}", "{}", "[]"]);
    assertEquals(update.code, 1);
    const unknown = await server.simmer(["call", "noSuchThing"]);
    assertEquals(unknown.code, 2);
    assertEquals(unknown.stderr, "simmer: BitBake's server has no command 'noSuchThing'\n");
    const none = await server.simmer(["run", "none"]);
    assertEquals(none.code, 1);
    assertStringIncludes(none.stderr, "ERROR: no such target\n");
    const action = await server.simmer(["call", "buildTargets", '["none"]', '"build"']);
    assertEquals(action.code, 1);
    assertStringIncludes(action.stderr, "simmer: BitBake: 'buildTargets' failed\n");
    const plan = await server.simmer(["run", "-n", "hello"]);
    assertEquals(plan.code, 4);
    assertStringIncludes(plan.stderr, "simmer: BitBake's server cannot plan tasks: ");
  });

  Deno.test(`by ${way}: status omits values that BitBake's server does not report`, async () => {
    await using server = await StandIn.start({ xmlrpc });
    const json = await server.simmer(["status", "--json"]);
    const status = JSON.parse(json.stdout) as Record<string, unknown>;
    const absent = ["startedAt", "uptimeMs", "rssBytes", "heapBytes", "timeout"];
    assertEquals(absent.filter((name) => name in status), []);
    assertEquals(status.pid, xmlrpc ? undefined : server.pid);
    assertEquals(status.version, "BitBake 2.19.0");
    const text = await server.simmer(["status"]);
    const names = text.stdout.trim().split("\n").map((line) => line.split(" ")[0]);
    assertEquals(names, ["server", "root", "socket", "state", "client", "note"]);
    assertStringIncludes(text.stdout, "server   BitBake 2.19.0, pid ");
    const ping = await server.simmer(["ping", "--json"]);
    assertEquals(JSON.parse(ping.stdout).pid, xmlrpc ? undefined : server.pid);
  });

  for (
    const [hold, ...args] of [
      ["setFeatures", "status"],
      ["updateConfig", "run", "hello"],
      ["getVariable", "status"],
      ["buildTargets", "run", "hello"],
      ["showVersions", "call", "showVersions"],
      ["setEventMask", "events"],
    ]
  ) {
    const name = `by ${way}: simmer ${args[0]} reports a server that is killed at ${hold}, ` +
      "even if a child of the server keeps its descriptors open";
    Deno.test(name, async () => {
      await using server = await StandIn.start({ xmlrpc, hold: hold ?? "" });
      const client = server.start(args);
      const child = await server.held();
      server.kill();
      const { code, stderr } = await client.finished();
      assertEquals(code, 3, stderr);
      assertStringIncludes(stderr, "ended");
      const next = await server.simmer(["ping"]);
      assertEquals(next.code, 3, next.stderr);
      // The descriptors are still open, so the clients detected the server's end in another way.
      assertMatch(Deno.readTextFileSync(`/proc/${child}/stat`), /\) [SR] /);
    });
  }
}
