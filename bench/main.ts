/**
 * A benchmark: what a warm `simmer run` costs beside `deno task`, and beside the least that any
 * client on Deno can cost. All of them run in turn, and medians and ratios are what counts.
 *
 *     deno task bench [--runs=N] [--json]
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";

const MAIN = new URL("../main.ts", import.meta.url).pathname;
const FLOOR = new URL("./floor.ts", import.meta.url).pathname;

interface Contestant {
  readonly name: string;
  readonly args: readonly string[];
}

/** What was measured of one contestant, in milliseconds. */
interface Result {
  readonly name: string;
  readonly medianMs: number;
  readonly minMs: number;
  readonly maxMs: number;
}

async function main(words: readonly string[]): Promise<number> {
  const { runs, json } = parseArgs([...words], { string: ["runs"], boolean: ["json"] });
  const count = Number(runs ?? 20);
  if (!Number.isInteger(count) || count < 1) {
    await print(Deno.stderr, `invalid value '${runs}' for '--runs': a whole number from 1`);
    return 2;
  }
  const folder = await Deno.makeTempDir();
  try {
    const results = await measure(folder, count);
    await print(Deno.stdout, json ? JSON.stringify(results) : table(results));
    return 0;
  } finally {
    await run(folder, ["run", "-A", MAIN, "stop", "--force"]);
    await Deno.remove(folder, { recursive: true });
  }
}

async function print(to: { writable: WritableStream<Uint8Array> }, text: string): Promise<void> {
  const writer = to.writable.getWriter();
  await writer.write(new TextEncoder().encode(`${text}\n`));
  writer.releaseLock();
}

async function measure(folder: string, count: number): Promise<Result[]> {
  await Deno.writeTextFile(`${folder}/deno.json`, '{ "tasks": { "hello": "echo hello" } }');
  const contestants: Contestant[] = [
    { name: "deno task", args: ["task", "hello"] },
    { name: "simmer run", args: ["run", "-A", MAIN, "run", "hello"] },
    { name: "bare client", args: ["run", "-A", FLOOR, `${folder}/.simmer/server.sock`] },
  ];
  const times = contestants.map((): number[] => []);
  await run(folder, ["run", "-A", MAIN, "run", "hello"], { CI: "" });
  for (let round = -1; round < count; round++) {
    for (const [index, { name, args }] of contestants.entries()) {
      const begin = performance.now();
      const { code, stdout } = await run(folder, args);
      const ms = performance.now() - begin;
      if (code !== 0) throw new Error(`${name} failed with ${code}`);
      if (index < 2 && stdout !== "hello\n") throw new Error(`${name} did not run the task`);
      if (round >= 0) times[index]?.push(ms);
    }
  }
  return contestants.map(({ name }, index) => summary(name, times[index] ?? []));
}

async function run(
  folder: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number; readonly stdout: string }> {
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: folder,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stderr: "null",
  }).output();
  return { code, stdout: new TextDecoder().decode(stdout) };
}

function summary(name: string, times: readonly number[]): Result {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? NaN;
  return { name, medianMs: at(0.5), minMs: at(0), maxMs: at(1) };
}

function table(results: readonly Result[]): string {
  const first = results[0]?.medianMs ?? NaN;
  const rows = results.map(({ name, medianMs, minMs, maxMs }) => {
    const ms = (value: number): string => value.toFixed(1).padStart(7);
    return `${name.padEnd(12)} ${ms(medianMs)} [${ms(minMs)} -${ms(maxMs)} ]  ${
      (medianMs / first).toFixed(2).padStart(5)
    }`;
  });
  return ["             median     min -    max    to the first", ...rows].join("\n");
}

if (import.meta.main) Deno.exit(await main(Deno.args));
