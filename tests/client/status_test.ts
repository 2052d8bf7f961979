import { assertEquals } from "@std/assert";
import { statusText } from "../../client/commands/status.ts";
import type { BuildStatus, ServerStatus } from "../../wire/commands.ts";

const STATUS: ServerStatus = {
  pid: 4711,
  version: "0.3.0",
  root: "/project",
  socket: "/run/server.sock",
  state: "running",
  policy: "many",
  busyWith: null,
  build: null,
  builds: [],
  clients: [],
  notes: [],
};

const BUILD: BuildStatus = {
  build: "b1",
  command: "runTasks",
  client: { pid: 41, command: "simmer run gen" },
  detached: false,
  state: "running",
  waitsFor: [],
};

/** Returns the rows of a status from the state on. */
function rows(status: Partial<ServerStatus>): string[] {
  const lines = statusText({ ...STATUS, ...status }).trimEnd().split("\n");
  return lines.slice(lines.findIndex((line) => line.startsWith("state")));
}

Deno.test("simmer status shows each build with its client, its state, and what it waits for", () => {
  const waitsFor = ["gen of build b1 (simmer run gen)", "a free job slot"];
  const client = { pid: 42, command: "simmer run test" };
  const builds: [BuildStatus, string][] = [
    [BUILD, "build    b1: 'simmer run gen' (pid 41), running"],
    [
      { ...BUILD, build: "b2", client, state: "waiting", waitsFor },
      "build    b2: 'simmer run test' (pid 42), waits for gen of build b1 (simmer run gen), " +
      "a free job slot",
    ],
    [
      { ...BUILD, build: "b3", detached: true, state: "ending", waitsFor: waitsFor.slice(0, 1) },
      "build    b3: 'simmer run gen' (pid 41, detached), ending, waits for gen of build b1 " +
      "(simmer run gen)",
    ],
    [
      { ...BUILD, build: undefined, state: "starting" },
      "build    runTasks: 'simmer run gen' (pid 41), starting",
    ],
  ];
  const shown = rows({ busyWith: "runTasks", build: "b1", builds: builds.map(([build]) => build) });
  assertEquals(shown, ["state    running", ...builds.map(([, row]) => row)]);
});

Deno.test("simmer status says if the server runs one build at a time", () => {
  assertEquals(rows({}), ["state    running"]);
  assertEquals(rows({ policy: "single" }), [
    "state    running",
    "policy   one build at a time",
  ]);
});

Deno.test("simmer status shows the build of a server that reports no list of builds", () => {
  const { builds: _, policy: __, ...old } = STATUS;
  const status = { ...old, busyWith: "runTasks", build: "b1" } as unknown as ServerStatus;
  const lines = statusText(status).trimEnd().split("\n");
  assertEquals(lines.slice(-2), ["state    running, busy with runTasks", "build    b1"]);
});
