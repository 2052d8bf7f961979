import { assert, assertEquals } from "@std/assert";
import { sha256Hex } from "../../system/files/digest.ts";
import { IS_SIMMER, processesIn, Project, type Running } from "../e2e/support.ts";
import { effort, Random, seed } from "./random.ts";

const KILLS = effort(12);

/** Upper limit of file changes before a process is killed. A full run makes about 60 changes. */
const MOMENTS = 60;

/** Milliseconds after which a task of a killed run counts as hung. The grace period is 5 s. */
const GONE_MS = 120_000;

const BIG = 2_000_000;

const CONFIG = {
  tasks: {
    part: { command: "sh part.sh", files: ["in.txt", "part.sh"], output: ["part.txt"] },
    whole: {
      command: `cat part.txt part.txt > whole.txt && sh -c 'head -c ${BIG} /dev/zero' > big.bin`,
      dependencies: ["part"],
      files: ["part.txt"],
      output: ["whole.txt", "big.bin"],
    },
  },
};

/**
 * Writes its output in two pieces. Starts a process that ignores SIGTERM for a moment, and an orphan
 * in its own session, which may ignore SIGTERM forever. A task that ends by itself kills the orphan.
 */
const PART = `set -e
rm -f stray
(trap '' TERM; sleep 0.05) &
(setsid sh -c '[ ! -e stubborn ] || trap "" TERM; echo $$ > stray; exec sleep 600' &) >/dev/null 2>&1
head -c 3 in.txt > part.txt
sleep 0.03
tail -c +4 in.txt >> part.txt
until [ -s stray ]; do sleep 0.01; done
kill -s KILL "$(cat stray)" 2>/dev/null || :
wait
`;

const FILES = ["big.bin", "deno.json", "in.txt", "part.sh", "part.txt", "stray", "whole.txt"];

/** Returns the task processes that run in the project's folder. */
async function tasksOf(project: Project): Promise<{ readonly pid: number }[]> {
  return (await processesIn(project.root)).filter(({ words }) => !IS_SIMMER.test(`${words} `));
}

/** Kills the server, the client or a task process if it exists. Returns which one was chosen. */
async function killSomebody(project: Project, client: Running, random: Random): Promise<string> {
  const victim = random.pick(["server", "client", "task"]);
  try {
    if (victim === "client") client.kill("SIGKILL");
    if (victim === "server") Deno.kill(await project.serverPid(), "SIGKILL");
    const tasks = victim === "task" ? await tasksOf(project) : [];
    const task = tasks[random.below(tasks.length || 1)];
    if (task !== undefined) Deno.kill(task.pid, "SIGKILL");
  } catch (error) {
    // The process has ended, or has not started yet.
    if (!(error instanceof Deno.errors.NotFound || error instanceof TypeError)) throw error;
  }
  return victim;
}

/** Resolves when no task is left. Polls, because the kernel reports only the end of children. */
async function untilNoTask(project: Project, where: string): Promise<void> {
  const deadline = performance.now() + GONE_MS;
  while ((await tasksOf(project)).length > 0) {
    const left = (await project.processes()).join("\n");
    assert(performance.now() < deadline, `${where}: these outlived their run:\n${left}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/**
 * A moment of a run, counted in changes of the project's files, so that it does not depend on the
 * machine's speed. It comes at the latest when the run ends.
 */
class Moment implements Disposable {
  readonly #watcher: Deno.FsWatcher;
  #changesLeft: number;

  /** Starts to count changes below `folder`. */
  constructor(folder: string, changes: number) {
    this.#watcher = Deno.watchFs(folder);
    this.#changesLeft = changes;
  }

  /** @param over settles when the run ends */
  async reached(over: Promise<unknown>): Promise<void> {
    const close = (): void => this[Symbol.dispose]();
    over.then(close, close);
    if (this.#changesLeft === 0) return;
    for await (const { kind } of this.#watcher) {
      if (kind !== "access" && --this.#changesLeft === 0) return;
    }
  }

  [Symbol.dispose](): void {
    try {
      this.#watcher.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }
}

/** A client of a story. */
interface Client {
  readonly kind: string;
  readonly client: Running;
  readonly over: Promise<unknown>;
}

/** Starts a run, or a watcher that runs the same task until it is killed. */
function startClient(project: Project, random: Random): Client {
  const kind = random.oneIn(3) ? "watch" : "run";
  const client = project.start([kind, "whole"]);
  const over = kind === "run" ? client.finished() : client.stderr.until("watching for changes");
  return { kind, client, over };
}

function endWatcher(watcher: Running): void {
  try {
    watcher.kill("SIGKILL");
  } catch (error) {
    // The watcher was the victim, or has ended without its server.
    if (!(error instanceof TypeError)) throw error;
  }
}

async function filesIn(folder: string): Promise<string[]> {
  try {
    const names: string[] = [];
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      if (!isDirectory) names.push(name);
    }
    return names.sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Checks that blobs match their names, results have their blobs, and no temporary file is left. */
async function checkFiles(project: Project, where: string): Promise<void> {
  const store = `${project.root}/.simmer/cache/v1`;
  for await (const { name: part } of Deno.readDir(`${store}/blobs`)) {
    for (const name of await filesIn(`${store}/blobs/${part}`)) {
      assertEquals(sha256Hex(await Deno.readFile(`${store}/blobs/${part}/${name}`)), name, where);
    }
  }
  for await (const { name: part } of Deno.readDir(`${store}/results`)) {
    for (const name of await filesIn(`${store}/results/${part}`)) {
      const text = await Deno.readTextFile(`${store}/results/${part}/${name}`);
      const { outputs } = JSON.parse(text) as { outputs: readonly { digest: string }[] };
      for (const { digest } of outputs) {
        await Deno.stat(`${store}/blobs/${digest.slice(0, 2)}/${digest}`);
      }
    }
  }
  const own = (await filesIn(project.root)).filter((name) => name !== "stubborn");
  assertEquals(own, FILES, where);
  const server = await project.serverPid();
  for (const folder of [".simmer", ".simmer/staging", ".simmer/cache/servers"]) {
    const orphans = (await filesIn(`${project.root}/${folder}`))
      .filter((name) => /\.\d+\.[0-9a-f]{8}$/.test(name) && !name.includes(`.${server}.`));
    assertEquals(orphans, [], `${where}: left in ${folder}`);
  }
}

/** @param most number of clients at once */
async function killAtRandom(kills: number, most: number): Promise<void> {
  const random = new Random(seed());
  await using project = await Project.create({
    "deno.json": CONFIG,
    "part.sh": PART,
    "in.txt": "",
  });
  for (let kill = 0; kill < kills; kill++) {
    const content = `${kill % 7} are written in pieces\n`;
    await project.write("in.txt", content);
    const outputs = ["part.txt", "whole.txt", "big.bin"].filter(() => random.oneIn(2));
    const isStubborn = random.oneIn(12);
    if (isStubborn) await project.write("stubborn", "");
    for (const name of isStubborn ? outputs : [...outputs, "stubborn"]) {
      await Deno.remove(`${project.root}/${name}`, { recursive: true }).catch(absent);
    }
    const changes = random.below(MOMENTS);
    using moment = new Moment(project.root, changes);
    const start = (): Client => startClient(project, random);
    const clients = [start(), ...Array.from({ length: most - 1 }, start)] as const;
    await moment.reached(Promise.all(clients.map(({ over }) => over)));
    const victim = await killSomebody(project, random.pick(clients).client, random);
    for (const { kind, client } of clients) if (kind === "watch") endWatcher(client);
    await Promise.all(clients.map(({ client }) => client.finished()));
    const kinds = clients.map(({ kind }) => kind).join(", ");
    const where = `after kill ${kill} (${victim} of ${kinds}, change ${changes}), seed ${seed()}`;
    const { code, stderr } = await project.run(["run", "whole"]);
    assertEquals(code, 0, `${where}: ${stderr}`);
    const whole = await project.read("whole.txt").catch((error: Error) => error.message);
    assertEquals(whole, content + content, `${where}: ${stderr}`);
    assertEquals((await Deno.stat(`${project.root}/big.bin`)).size, BIG, where);
    await untilNoTask(project, where);
    await checkFiles(project, where);
  }
}

Deno.test("the next run is correct and no task is left after a SIGKILL of server, client or task at a random moment", async () => {
  await killAtRandom(KILLS, 1);
});

Deno.test("the next run is correct and no task is left after a SIGKILL while several builds run", async () => {
  await killAtRandom(Math.ceil(KILLS / 2), 4);
});

function absent(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
