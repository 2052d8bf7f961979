import { assert, assertEquals } from "@std/assert";
import { type Finished, Project, type Running } from "../e2e/support.ts";
import { effort, Random, seed } from "./random.ts";

const ROUNDS = effort(3);
const CLIENTS = Math.min(effort(12), 200);

/** Deno's own `echo` writes the end of the line separately, so that lines of two builds could mix. */
const CONFIG = { tasks: { note: `sh -c 'echo "$LINE" >> lines.txt'` } };

/** Exit codes of a client that could not do its work. */
const EXPLAINED = [3, 4, 70];

/** Returns the command lines of a project's servers. */
async function servers(project: Project): Promise<string[]> {
  return (await project.processes()).filter((words) => words.includes(" serve "));
}

/** Kills the server if one runs. */
async function killServer(project: Project): Promise<void> {
  try {
    Deno.kill(await project.serverPid(), "SIGKILL");
  } catch (error) {
    // The server has not started yet, or has ended.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Kills a client. Returns `false` if it has ended already. */
function killClient(client: Running): boolean {
  try {
    client.kill("SIGKILL");
    return true;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return false;
  }
}

function explained({ code, stderr }: Finished, line: string): void {
  assert(EXPLAINED.includes(code), `${line} exited with ${code}: ${stderr}`);
  assert(/^simmer: /m.test(stderr), `${line} exited with ${code} without a word: ${stderr}`);
}

Deno.test("simultaneous clients have one server, and no run is lost or done twice when servers and clients are killed", async () => {
  const random = new Random(seed());
  await using project = await Project.create({ "deno.json": CONFIG, "lines.txt": "" });
  for (let round = 0; round < ROUNDS; round++) {
    const names = Array.from({ length: CLIENTS }, (_, index) => `${round}-${index}`);
    const clients = names.map((LINE) => project.start(["run", "note"], { env: { LINE } }));
    const killed = new Set<string>();
    if (round > 0) {
      // Wait for a random client, so that the kills come in the middle of the queue.
      await clients[random.below(CLIENTS)]?.stderr.ended;
      for (const [index, client] of clients.entries()) {
        if (random.oneIn(10) && killClient(client)) killed.add(names[index] ?? "");
      }
      await killServer(project);
    }
    const ends = await Promise.all(clients.map((client) => client.finished()));
    const lines = (await project.read("lines.txt")).split("\n");
    for (const [index, name] of names.entries()) {
      const end = ends[index];
      const times = lines.filter((line) => line === name).length;
      assert(times <= 1, `${name} was done ${times} times, seed ${seed()}`);
      if (end?.code === 0) assertEquals(times, 1, `${name} was not done, seed ${seed()}`);
      else if (end !== undefined && !killed.has(name)) explained(end, name);
    }
    assert((await servers(project)).length <= 1, (await servers(project)).join("\n"));
  }
  assertEquals((await project.run(["run", "note"], { env: { LINE: "last" } })).code, 0);
});
