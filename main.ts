/**
 * simmer's entry: where a server runs, the command line is sent to it, and nothing is loaded but what
 * does that; everything else is in `cli.ts`.
 *
 * @module
 */

import { forward } from "./forward/client.ts";
import { isForwardable } from "./forward/forwardable.ts";
import { VERSION } from "./wire/version.ts";

/** The exit code for a server that is not there, as `client/errors.ts` has it. */
const LOST = 3;

async function run(args: readonly string[]): Promise<number> {
  const end = isForwardable(args) ? await forward(VERSION) : undefined;
  if (end?.kind === "exit") return end.code;
  if (end?.kind === "lost") {
    const text = "simmer: the server ended, perhaps killed\n";
    Deno.stderr.writeSync(new TextEncoder().encode(text));
    return LOST;
  }
  // Deno reads every module that a literal import names, needed or not, before a program starts.
  const url = import.meta.resolve("./cli.ts");
  const { main } = await import(url) as typeof import("./cli.ts");
  return await main(args);
}

if (import.meta.main) Deno.exit(await run(Deno.args));
