import { assert, assertEquals } from "@std/assert";
import { BitbakeConnection } from "../../bitbake/driving/connection.ts";
import { decode, PyObject, type PyValue } from "../../bitbake/pickle/mod.ts";
import { Project } from "../e2e/support.ts";

const TRANSCRIPTS = new URL("./transcripts/", import.meta.url);

/** Commands that end the conversation without a reply. */
const SILENT: ReadonlySet<string> = new Set(["terminateServer"]);

/** Class of an action's last event. */
const ENDS = /^bb\.command\.Command(Completed|Failed|Exit)$/;

/** Tasks for all targets of the recorded clients. */
const TASKS = {
  tasks: {
    printhello: "echo hello",
    failhello: "exit 1",
    slowhello: "echo slow",
  },
};

interface Recorded {
  readonly dir: string;
  readonly channel: string;
  readonly pickle?: string;
}

async function commandsOf(name: string): Promise<PyValue[][]> {
  const text = await Deno.readTextFile(new URL(name, TRANSCRIPTS));
  return text.split("\n").filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Recorded)
    .filter(({ dir, channel }) => dir === "c2s" && channel === "command")
    .flatMap(({ pickle }) => pickle === undefined ? [] : [decode(Uint8Array.fromHex(pickle))])
    .filter((command): command is PyValue[] => Array.isArray(command));
}

/** Returns the reply that the recorded client needs to continue. */
function expected(name: PyValue | undefined): PyValue {
  switch (name) {
    case "getUIHandlerNum":
      return 1;
    case "setEventMask":
    case "buildTargets":
      return true;
    case "ping":
      return "Still alive!";
    default:
      return null;
  }
}

Deno.test("each command of the recorded conversations gets the reply that its client needs", async () => {
  await using project = await Project.create({ "deno.json": TASKS });
  const server = project.start(["serve", "--bitbake", "--timeout", "-1"]);
  await server.stderr.until("BitBake: ");
  let replayed = 0;
  for await (const { name } of Deno.readDir(TRANSCRIPTS)) {
    const ended = Promise.withResolvers<void>();
    const connection = await BitbakeConnection.open(
      `${project.root}/bitbake.sock`,
      (pickle) => {
        const event = decode(pickle);
        if (event instanceof PyObject && ENDS.test(event.fullName)) ended.resolve();
      },
    );
    assert(connection !== undefined, name);
    let isBuilding = false;
    for (const [command, ...args] of await commandsOf(name)) {
      if (typeof command !== "string" || SILENT.has(command)) continue;
      assertEquals(
        await connection.call(command, ...args),
        expected(command),
        `${name} ${command}`,
      );
      isBuilding ||= command === "buildTargets";
      replayed++;
    }
    if (isBuilding) await ended.promise;
    connection.close();
    await connection.ended;
  }
  assert(replayed > 40, `${replayed} commands`);
  await project.run(["stop", "--force"]);
  await server.finished();
});
