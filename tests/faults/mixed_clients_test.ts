import { assert, assertEquals, assertMatch } from "@std/assert";
import { Project, SIMMER } from "../e2e/support.ts";
import { effort, Random, seed } from "./random.ts";

/** Number of rounds. Each kind of client comes once a round. */
const ROUNDS = effort(9);

/** A file for the server's sizes, one line a round, if `SIMMER_SOAK_CURVE` is set. */
const CURVE = Deno.env.get("SIMMER_SOAK_CURVE");

/** Milliseconds after which open descriptors of clients that have left count as leaked. */
const HANG_MS = 120_000;

/** Megabytes by which the heap varies because of garbage collection. */
const BREATH_MB = 16;

const CONFIG = {
  tasks: {
    part: {
      command: "cat in.txt > part.txt && echo made",
      files: ["in.txt"],
      output: ["part.txt"],
    },
    whole: { command: "cat part.txt", dependencies: ["part"] },
    loud: "sh -c 'seq 1 100000'",
    slow: "echo begun && sleep 600",
    fail: "echo no >&2 && exit 7",
  },
};

/** Memory and open descriptors of a server. */
interface Sizes {
  readonly rssMB: number;
  readonly heapMB: number;
  readonly descriptors: number;
}

/** The words that run the whole client, which sends no command line to a server. */
const WHOLE_CLIENT = SIMMER.map((word) => word.replace(/main\.ts$/, "cli.ts"));

async function sizes(project: Project): Promise<Sizes> {
  const { stdout } = await project.run(["status", "--json"]);
  const { pid, rssBytes, heapBytes } = JSON.parse(stdout);
  const descriptors = [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
  return { rssMB: rssBytes / 2 ** 20, heapMB: heapBytes / 2 ** 20, descriptors };
}

/** Returns one visit for each kind of client. The caller runs them in random order. */
function visits(project: Project, round: number): (() => Promise<void>)[] {
  return [
    async () => {
      await project.write("in.txt", `${round}\n`);
      const { code, stdout } = await project.run(["run", "-q", "whole"]);
      assertEquals([code, stdout], [0, `made\n${round}\n`]);
    },
    async () => {
      const words = [...WHOLE_CLIENT, "run", "-q", "--eval", "echo eval"];
      assertEquals((await project.runProgram(words)).stdout, "eval\n");
    },
    async () => assertEquals((await project.run(["run", "fail"])).code, 7),
    async () => {
      const { stdout } = await project.run(["run", "-q", "loud"]);
      assert(stdout.endsWith("\n100000\n"));
    },
    async () => {
      const cancelled = project.start(["run", "slow"]);
      await cancelled.stdout.until("begun");
      cancelled.kill("SIGINT");
      assertEquals((await cancelled.finished()).code, 130);
    },
    async () => {
      const killed = project.startProgram([...WHOLE_CLIENT, "run", "slow"]);
      await killed.stdout.until("begun");
      killed.kill("SIGKILL");
      await killed.finished();
    },
    async () => {
      const observer = project.start(["events"]);
      assertEquals((await project.run(["run", "-q", "--eval", "echo seen"])).code, 0);
      observer.kill("SIGKILL");
      await observer.finished();
    },
    async () => {
      const watch = project.start(["watch", "part"]);
      await watch.stderr.until("watching for changes");
      watch.kill("SIGINT");
      assertEquals((await watch.finished()).code, 130);
    },
    async () => {
      const path = project.socket();
      using nonsense = await Deno.connect({ transport: "unix", path });
      await nonsense.write(new TextEncoder().encode(`{"jsonrpc":\n\u0000\n${"x".repeat(10_000)}`));
    },
    async () => assertMatch((await project.run(["why", "whole"])).stdout, /runs every time/),
  ];
}

Deno.test("a server's heap and descriptors do not grow while clients of all kinds come and go", async () => {
  const random = new Random(seed());
  await using project = await Project.create({ "deno.json": CONFIG, "in.txt": "" });
  assertEquals((await project.run(["run", "-q", "--eval", "echo first"])).code, 0);
  const pid = await project.serverPid();
  const curve: Sizes[] = [];
  const begun = performance.now();
  for (let round = 0; round < ROUNDS; round++) {
    const left = visits(project, round);
    while (left.length > 0) await left.splice(random.below(left.length), 1)[0]?.();
    const now = await sizes(project);
    curve.push(now);
    if (CURVE !== undefined) {
      const minutes = (performance.now() - begun) / 60_000;
      const columns = [minutes, now.rssMB, now.heapMB].map((value) => value.toFixed(1));
      const line = `${[...columns, now.descriptors].join("\t")}\n`;
      await Deno.writeTextFile(CURVE, line, { append: true });
    }
  }
  assertEquals(await project.serverPid(), pid);
  // The first rounds are a warm-up: the server loads and compiles code, and opens files.
  const from = Math.floor(ROUNDS / 3);
  const [early, late] = [curve.slice(from, 2 * from), curve.slice(2 * from)];
  const least = (part: readonly Sizes[], size: keyof Sizes): number =>
    Math.min(...part.map((each) => each[size]));
  const grown = least(late, "heapMB") - least(early, "heapMB");
  assert(grown < BREATH_MB, `the heap has grown by ${grown.toFixed(1)} MB`);
  // A leak of one descriptor a round would add as many as there were rounds since the early ones.
  const leaked = least(early, "descriptors") + ROUNDS - from - 1;
  const deadline = performance.now() + HANG_MS;
  for (let now = late.at(-1); now === undefined || now.descriptors >= leaked;) {
    now = await sizes(project);
    assert(performance.now() < deadline, `${now.descriptors} descriptors stay open`);
  }
});
