import { assert, assertEquals } from "@std/assert";
import * as v from "valibot";
import { COMMANDS, COOKER_COMMANDS } from "../../wire/commands.ts";

for (const [name, row] of Object.entries(COMMANDS)) {
  Deno.test(`the row of ${name} has a one-line summary and refuses unknown parameters`, () => {
    assert(/^[A-Z][^\n]{5,90}[^.]$/.test(row.summary), row.summary);
    const result = v.safeParse(row.params as v.GenericSchema, { noSuchParameter: 1 });
    assertEquals(result.success, false);
  });
}

Deno.test("commands that start work or change the server need the controller", () => {
  const access = Object.fromEntries(
    Object.entries(COMMANDS).map(([name, row]) => [name, row.access]),
  );
  assertEquals(access, {
    ping: "read",
    status: "read",
    setFeatures: "read",
    getUIHandlerNum: "read",
    setEventMask: "read",
    listTasks: "read",
    getVariable: "read",
    stateShutdown: "stop",
    stateForceShutdown: "stop",
    terminateServer: "stop",
    setVariable: "control",
    runTasks: "control",
  });
});

Deno.test("runTasks fills in what a client left out", () => {
  const params = v.parse(COOKER_COMMANDS.runTasks.params, {
    tasks: ["build"],
    cwd: "/project",
    env: { PATH: "/bin" },
    client: { pid: 7, command: "simmer run build" },
  });
  assertEquals(params.args, []);
  assertEquals([params.eval, params.ifPresent, params.force, params.keepGoing, params.detach], [
    false,
    false,
    false,
    false,
    false,
  ]);
  assertEquals(params.jobs, undefined);
});
