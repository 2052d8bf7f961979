import { assert, assertEquals, assertThrows } from "@std/assert";
import { checkParams } from "../../server/params.ts";
import { WireError } from "../../wire/errors.ts";
import { COMMANDS, COOKER_COMMANDS } from "../../wire/commands.ts";

for (const [name, row] of Object.entries(COMMANDS)) {
  Deno.test(`the row of ${name} has a one-line summary and refuses unknown parameters`, () => {
    assert(/^[A-Z][^\n]{5,90}[^.]$/.test(row.summary), row.summary);
    const params = { noSuchParameter: 1 };
    assertThrows(() => checkParams(name, row.params, params), WireError, "noSuchParameter");
  });
}

Deno.test("each command has its access level, and commands that start work need the controller", () => {
  const access = Object.fromEntries(
    Object.entries(COMMANDS).map(([name, row]) => [name, row.access]),
  );
  assertEquals(access, {
    ping: "read",
    status: "read",
    setFeatures: "read",
    cancelBuild: "stop",
    getUIHandlerNum: "read",
    setEventMask: "read",
    listTasks: "read",
    getVariable: "read",
    planTasks: "read",
    watchInputs: "read",
    openJournal: "read",
    stateShutdown: "stop",
    stateForceShutdown: "stop",
    terminateServer: "stop",
    retireServer: "stop",
    setVariable: "control",
    signalTasks: "control",
    useTerminal: "control",
    runTasks: "control",
  });
});

Deno.test("runTasks fills in defaults for omitted parameters", () => {
  const params = checkParams("runTasks", COOKER_COMMANDS.runTasks.params, {
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
