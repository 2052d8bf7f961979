/** End-to-end tests of XML-RPC: `simmer serve --xmlrpc`, and a client written in Python. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Project } from "./support.ts";

const PEER = new URL("../peers/xmlrpc_client.py", import.meta.url).pathname;

const TASKS = {
  tasks: {
    hello: { command: "echo hello", dependencies: ["first"] },
    first: "echo first && echo 'ü <&>' >&2",
    fail: "exit 3",
    slow: "echo started && sleep 600",
  },
};

function hasPython(): boolean {
  try {
    return new Deno.Command("python3", { args: ["--version"] }).outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Registers a test that needs Python. */
function peerTest(name: string, prove: () => Promise<void>): void {
  const ignore = !hasPython();
  Deno.test({ name: ignore ? `${name} (skipped: there is no python3)` : name, ignore, fn: prove });
}

/** Creates a project and starts its server. `address` is the server's XML-RPC address. */
async function serve(): Promise<{ project: Project; address: string; stop: () => Promise<void> }> {
  const project = await Project.create({ "deno.json": TASKS });
  const server = project.start(["serve", "--xmlrpc", "0", "--timeout=-1"]);
  await server.stderr.until("XML-RPC: ");
  const address = /XML-RPC: (\S+)/.exec(server.stderr.text)?.[1] ?? "";
  return {
    project,
    address,
    stop: async () => {
      server.kill("SIGTERM");
      await server.finished();
      await project[Symbol.asyncDispose]();
    },
  };
}

interface Line {
  readonly event?: Record<string, unknown>;
  readonly [step: string]: unknown;
}

/** Runs the Python client. Returns its output lines. */
async function peer(project: Project, ...words: string[]): Promise<Line[]> {
  const { code, stdout, stderr } = await project.runProgram(["python3", PEER, ...words]);
  assertEquals([code, stderr], [0, ""]);
  return stdout.trim().split("\n").map((line) => JSON.parse(line) as Line);
}

function answers(lines: readonly Line[]): Line[] {
  return lines.filter((line) => line.event === undefined);
}

function eventsOf(lines: readonly Line[]): Record<string, unknown>[] {
  return lines.map(({ event }) => event).filter((event) => event !== undefined);
}

function eventTypes(lines: readonly Line[]): unknown[] {
  return eventsOf(lines).map(({ type }) => type);
}

Deno.test("R18 the lock file and 'simmer status' name the XML-RPC address, a free port of this machine", async () => {
  const { project, address, stop } = await serve();
  try {
    assertMatch(address, /^127\.0\.0\.1:[1-9]\d*$/);
    assertEquals(project.xmlrpc(), address);
    assertStringIncludes((await project.run(["status"])).stdout, `XML-RPC  ${address}\n`);
    const { doors } = JSON.parse((await project.run(["status", "--json"])).stdout);
    assertEquals(doors, [{ name: "XML-RPC", address }]);
    const other = await Project.create({ "deno.json": TASKS });
    await using _other = other;
    const { code, stderr } = await other.run(["serve", "--xmlrpc", address]);
    assertEquals(code, 3);
    assertMatch(
      stderr,
      /^simmer: cannot serve XML-RPC at 127\.0\.0\.1:\d+: .*; port 0 selects any/,
    );
  } finally {
    await stop();
  }
});

Deno.test("'simmer serve --xmlrpc' rejects an invalid address with exit code 2", async () => {
  await using project = await Project.create({ "deno.json": TASKS });
  for (const address of ["localhost", "host:", ":1", "1:2:3", "65536", "-1"]) {
    const { code, stderr } = await project.run(["serve", `--xmlrpc=${address}`]);
    assertEquals([code, stderr.startsWith(`simmer: invalid value '${address}'`)], [2, true]);
  }
});

Deno.test("'simmer serve --detach --xmlrpc' serves XML-RPC in the background", async () => {
  await using project = await Project.create({ "deno.json": TASKS });
  assertEquals((await project.run(["serve", "--detach", "--xmlrpc", "0"])).code, 0);
  assertMatch(project.xmlrpc(), /^127\.0\.0\.1:[1-9]\d*$/);
});

peerTest("XML-RPC a Python client runs a whole build and gets its events", async () => {
  const { project, address, stop } = await serve();
  try {
    const steps = ["register", "addClient", "getEventHandle", "run:hello", "wait:CommandCompleted"];
    const leaving = ["unregisterEventHandler", "removeClient"];
    const lines = await peer(project, address, ...steps, ...leaving);
    const [registered, added, handle, run, waited, ...left] = answers(lines);
    assertEquals(registered, { register: "OK" });
    assertMatch(String(added?.addClient), /^[0-9a-f]{32}$/);
    assert(typeof handle?.getEventHandle === "number");
    const [{ build }, error] = run?.["run:hello"] as [{ build: string }, null];
    assertEquals(error, null);
    assertEquals(waited, { "wait:CommandCompleted": "CommandCompleted" });
    assertEquals(left, [{ unregisterEventHandler: null }, { removeClient: null }]);
    const events = eventsOf(lines);
    assertEquals(events.at(0)?.type, "BuildStarted");
    assertEquals(events.slice(-2).map(({ type }) => type), ["BuildCompleted", "CommandCompleted"]);
    assertEquals(events.map((event) => event.build), events.map(() => build));
    const output = events.filter(({ type }) => type === "TaskOutput");
    // The output of one write may come in several events.
    const streams = Object.groupBy(output, ({ task, stream }) => `${task} ${stream}`);
    const texts = Object.values(streams).map((pieces) => pieces?.map(({ text }) => text).join(""));
    assertEquals(texts.toSorted(), ["first\n", "hello\n", "ü <&>\n"]);
  } finally {
    await stop();
  }
});

peerTest("XML-RPC a Python client learns that a build failed or was cancelled", async () => {
  const { project, address, stop } = await serve();
  try {
    const failing = ["register", "addClient", "run:fail", "wait:CommandExit", "removeClient"];
    const failed = await peer(project, address, ...failing);
    assert(eventTypes(failed).includes("TaskFailed"));
    assertEquals(failed.find(({ event }) => event?.type === "CommandExit")?.event?.exitCode, 3);
    const cancelling = ["register", "addClient", "run:slow", "wait:TaskOutput"];
    const lines = await peer(
      project,
      address,
      ...[...cancelling, "command:stateShutdown", "wait:CommandExit", "removeClient"],
    );
    assertEquals(lines.find((line) => "command:stateShutdown" in line), {
      "command:stateShutdown": [true, null],
    });
    assert(eventTypes(lines).includes("TaskCancelled"));
  } finally {
    await stop();
  }
});

peerTest(
  "XML-RPC a Python client is refused without a token, and as an observer it cannot run or stop anything",
  async () => {
    const { project, address, stop } = await serve();
    try {
      const lines = await peer(
        project,
        address,
        ...["command:ping", "terminateServer", "token:wrong", "run:hello"],
        ...["token:observer", "command:ping", "run:hello", "terminateServer"],
      );
      const told = answers(lines).filter((line) => !Object.keys(line)[0]?.startsWith("token"));
      const texts = told.map((line) => JSON.stringify(Object.values(line)[0]));
      for (const text of texts.slice(0, 3)) assertMatch(text, /"fault":1,.*is refused/);
      assertEquals(texts[3], '["Still alive!",null]');
      assertMatch(texts[4] ?? "", /^\[null,"runTasks is only for the controller/);
      assertMatch(texts[5] ?? "", /"fault":1,.*not for observers/);
    } finally {
      await stop();
    }
  },
);

peerTest("R7 the build of a killed Python client is cancelled", async () => {
  const { project, address, stop } = await serve();
  try {
    const words = [address, "register", "addClient", "run:slow", "wait:never"];
    const client = project.startProgram(["python3", PEER, ...words]);
    await client.stdout.until("started");
    const events = project.start(["events", "--json"]);
    await events.stdout.until("Heartbeat");
    client.kill("SIGKILL");
    await client.finished();
    await events.stdout.until("CommandExit");
    events.kill("SIGTERM");
    await events.finished();
    const [status] = answers(
      await peer(project, address, "token:observer", "command:status"),
    ).slice(-1);
    const [{ busyWith }] = status?.["command:status"] as [{ busyWith: null }];
    assertEquals(busyWith, null);
  } finally {
    await stop();
  }
});

peerTest("XML-RPC terminateServer ends the server and removes its lock file", async () => {
  const project = await Project.create({ "deno.json": TASKS });
  const server = project.start(["serve", "--xmlrpc", "0", "--timeout=-1"]);
  await server.stderr.until("XML-RPC: ");
  const address = /XML-RPC: (\S+)/.exec(server.stderr.text)?.[1] ?? "";
  const lines = await peer(
    project,
    address,
    ...["register", "addClient", "terminateServer", "wait:ServerExit"],
  );
  assertEquals(answers(lines)[2], { terminateServer: null });
  assertEquals((await server.finished()).code, 0);
  const left = [...Deno.readDirSync(`${project.root}/.simmer`)].map(({ name }) => name);
  assertEquals(left.includes("lock"), false);
  await project[Symbol.asyncDispose]();
});
