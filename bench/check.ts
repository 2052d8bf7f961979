/**
 * Benchmark as a check (`deno task bench:check`): compares simmer with other tools, and fails if a
 * ratio is below its bound. The margins are wide enough for a shared machine. A missed ratio is
 * measured once more.
 *
 * @module
 */

import { serveFloor } from "./floor_server.ts";
import { measureAll, type Measured, type Plan } from "./measure.ts";
import { median } from "./statistics.ts";
import { measureSmallRuns } from "./small_runs.ts";
import { allTools, installQuickClient } from "./tools.ts";

/** Lower bound of a ratio: the time of `other`, divided by that of `tool`. */
interface Bound {
  readonly tasks: number;
  readonly tool: string;
  readonly other: string;
  readonly least: number;
}

/** At most half of the ratios on a quiet machine. */
const BOUNDS: readonly Bound[] = [
  { tasks: 1000, tool: "simmer", other: "deno task", least: 4.5 },
  // The floor client skips the handshake and the check of its peer: a seventh of the client's time.
  { tasks: 10, tool: "simmer", other: "floor", least: 0.55 },
];

const TRIES = 2;

async function main(): Promise<number> {
  const folder = await Deno.makeTempDir({ prefix: "simmer_bench_" });
  using _floor = serveFloor(`${folder}/floor.sock`);
  const tools = allTools({ floor: `${folder}/floor.sock` });
  let isGood = true;
  for (const tasks of new Set(BOUNDS.map((bound) => bound.tasks))) {
    const bounds = BOUNDS.filter((bound) => bound.tasks === tasks);
    const names = new Set(bounds.flatMap(({ tool, other }) => [tool, other]));
    const wanted = tools.filter(({ name }) => names.has(name));
    const plan: Plan = { shape: "tree", tasks, work: "process", actions: ["no-op"], runs: 7 };
    let missed = bounds;
    for (let tries = 0; tries < TRIES && missed.length > 0; tries++) {
      const measured = await measureAll(plan, wanted);
      missed = missed.filter((bound) => !holds(bound, measured));
    }
    isGood &&= missed.length === 0;
  }
  isGood = await checkSmallRuns(await installQuickClient(folder)) && isGood;
  await Deno.remove(folder, { recursive: true });
  return isGood ? 0 : 1;
}

/**
 * Checks small runs: ten uncached tasks and a long output with the quick client against `deno task`,
 * and the first run of a fresh server against its tenth.
 */
async function checkSmallRuns(quick: string | undefined): Promise<boolean> {
  for (let tries = 1;; tries++) {
    const small = await measureSmallRuns(quick, { runs: 11, servers: 3 });
    if (small === undefined) {
      say("skipped: small runs, as there is no Python to measure them");
      return true;
    }
    const { inPipe, inTerminal, lines = {}, ratio } = small;
    const ratios = [
      ...([
        ["10 uncached tasks in a pipe", inPipe, 0.45],
        ["10 uncached tasks in a terminal", inTerminal, 0.45],
        // The lines pass two terminals: the task's and the person's.
        ["200,000 lines in a terminal", lines, 0.4],
      ] as const).flatMap(
        ([what, times, least]) => {
          const own = times["quick client"];
          const other = times["deno task"];
          if (own === undefined || other === undefined) return [];
          return [{
            what: `${what}: deno task takes`,
            ratio: other / own,
            least,
            than: "the quick client",
          }];
        },
      ),
      {
        what: "10th run of a fresh server takes",
        ratio: 1 / ratio,
        least: 0.25,
        than: "its first",
      },
    ];
    const isGood = ratios.every((each) => each.ratio >= each.least);
    if (!isGood && tries < TRIES) continue;
    for (const { what, ratio, least, than } of ratios) {
      say(
        `${ratio >= least ? "ok" : "MISSED"}: ${what} ${ratio.toFixed(2)} times as long as ` +
          `${than}, at least ${least} wanted`,
      );
    }
    return isGood;
  }
}

function holds({ tasks, tool, other, least }: Bound, measured: readonly Measured[]): boolean {
  const of = (name: string): number =>
    median(measured.find((each) => each.tool === name)?.times ?? []);
  const ratio = of(other) / of(tool);
  const isGood = ratio >= least;
  say(
    `${isGood ? "ok" : "MISSED"}: ${tasks} tasks, nothing changed: ${other} takes ` +
      `${ratio.toFixed(2)} times as long as ${tool}, at least ${least} wanted`,
  );
  return isGood;
}

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

if (import.meta.main) Deno.exit(await main());
