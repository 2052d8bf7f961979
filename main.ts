/**
 * simmer's front door: where a server runs, the command line is handed over to it, and nothing is
 * loaded but what does that; everything else is in `cli.ts`.
 *
 * @module
 */

import { handOver } from "./forward/client.ts";
import { VERSION } from "./wire/version.ts";

/** Commands that a server can carry out for another process. */
const HANDED = new Set(["run", "tasks", "graph", "why", "status", "ping"]);

/** Options that say where the server or the project is, or that there is to be no server. */
const PLACED = /^(--(server|no-server|config|cwd)\b|-[a-z]*c)/;

/** The exit code for a server that is not there, as `client/errors.ts` has it. */
const LOST = 3;

/** Whether a server that is found from the working directory is the one that is meant. */
function canBeHanded([name = "", ...args]: readonly string[]): boolean {
  const end = args.indexOf("--");
  const own = end < 0 ? args : args.slice(0, end);
  // The runtime has U+FFFD for bytes that are no UTF-8: the whole client looks into that.
  return HANDED.has(name) && !own.some((arg) => PLACED.test(arg)) &&
    !args.some((arg) => arg.includes("\ufffd"));
}

async function run(args: readonly string[]): Promise<number> {
  const end = canBeHanded(args) ? await handOver(VERSION) : undefined;
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
