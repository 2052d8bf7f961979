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

/** Runs the suite and passes its output on. */
async function main(args: readonly string[]): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--shuffle", "--doc", ...args],
    env: { NO_COLOR: "1" },
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
  return code;
}

async function writeAll(bytes: Uint8Array): Promise<void> {
  let offset = 0;
  while (offset < bytes.length) offset += await Deno.stdout.write(bytes.subarray(offset));
}

if (import.meta.main) Deno.exit(await main(Deno.args));
