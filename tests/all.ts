/**
 * Runs the whole suite: `deno task test`, with the words of `deno test` behind it.
 *
 * It ends with one line that says how many tests passed and failed.
 *
 * @module
 */

const SUMMARY =
  /^(?:ok|FAILED) \| (\d+) passed(?: \([^)]*\))? \| (\d+) failed(?: \([^)]*\))?(?: \| (\d+) ignored)?/m;

/**
 * What `deno test` says at its end, as one line.
 *
 * @param text its output without colours
 * @returns `undefined` where it ended without a summary
 */
export function closingLine(text: string): string | undefined {
  const match = SUMMARY.exec(text);
  if (match === null) return undefined;
  const [, passed, failed, ignored] = match;
  const skipped = ignored === undefined ? "" : `, ${ignored} skipped`;
  return `${passed} passed, ${failed} failed${skipped}`;
}

/** Adds two closing lines up. */
export function sumOf(lines: readonly string[]): string {
  const count = (word: string): number =>
    lines.reduce((sum, line) => {
      const [, number = "0"] = new RegExp(`(\\d+) ${word}`).exec(line) ?? [];
      return sum + Number(number);
    }, 0);
  const skipped = count("skipped");
  const common = `${count("passed")} passed, ${count("failed")} failed`;
  return skipped === 0 ? common : `${common}, ${skipped} skipped`;
}

/**
 * Runs the suite: every test, then the end-to-end tests with the whole client. Words are for one run
 * of `deno test` alone.
 */
async function main(args: readonly string[]): Promise<number> {
  if (args.length > 0) return (await run(args, {})).code;
  const runs = [await run([], {}), await run(["tests/e2e"], { SIMMER_E2E: "whole" })];
  const lines = runs.flatMap(({ line }) => line ?? []);
  await writeAll(new TextEncoder().encode(`${sumOf(lines)}\n`));
  return runs.find(({ code }) => code !== 0)?.code ?? 0;
}

interface SuiteRun {
  readonly code: number;
  readonly line: string | undefined;
}

async function run(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<SuiteRun> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--shuffle", "--doc", ...args],
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of child.stdout) {
    await writeAll(bytes);
    text = (text + decoder.decode(bytes, { stream: true })).slice(-65536);
  }
  const { code } = await child.status;
  const line = closingLine(text);
  if (line !== undefined) await writeAll(new TextEncoder().encode(`${line}\n`));
  return { code, line };
}

async function writeAll(bytes: Uint8Array): Promise<void> {
  let offset = 0;
  while (offset < bytes.length) offset += await Deno.stdout.write(bytes.subarray(offset));
}

if (import.meta.main) Deno.exit(await main(Deno.args));
