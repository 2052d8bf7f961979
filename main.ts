/**
 * simmer's entry point. If a server runs, it sends the command line to that server, and loads only
 * the modules for that. All other cases are handled by `cli.ts`.
 *
 * @module
 */

import { forward } from "./forward/client.ts";
import { isForwardable } from "./forward/forwardable.ts";
import { VERSION } from "./wire/version.ts";

/** Exit code for a lost server; the same as `EXIT.noServer` in `client/errors.ts`. */
const LOST = 3;

async function run(args: readonly string[]): Promise<number> {
  const end = isForwardable(args) ? await forward(VERSION) : undefined;
  if (end?.kind === "exit") return end.code;
  if (end?.kind === "lost") {
    const text = "simmer: the server ended, perhaps killed\n";
    Deno.stderr.writeSync(new TextEncoder().encode(text));
    return LOST;
  }
  // The specifier is no literal: Deno loads modules of literal imports before a program starts.
  const url = import.meta.resolve("./cli.ts");
  const { main } = await import(url) as typeof import("./cli.ts");
  return await main(args);
}

if (import.meta.main) Deno.exit(await run(Deno.args));
