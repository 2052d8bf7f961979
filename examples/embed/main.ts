/**
 * Example: a process server with its own cooker, which counts. `deno run -A main.ts SOCKET`.
 *
 * @module
 */

import * as v from "valibot";
import type { AsyncCommand, CommandCall, Cooker, Logger } from "@simmer/simmer/server";
import { ProcessServer, systemClock, UnixListener } from "@simmer/simmer/server";
import { defineCommands } from "@simmer/simmer/wire";

/** Counts up to a number, one step every tenth of a second. */
class Counter implements Cooker {
  readonly commands = defineCommands({
    countTo: {
      summary: "Count to a number",
      kind: "async",
      access: "control",
      params: v.strictObject({ number: v.pipe(v.number(), v.minValue(1)) }),
      result: v.object({ number: v.number() }),
    },
  });
  readonly notifier = { stop: () => {} };
  readonly configNotifier = { stop: () => {} };
  readonly state = "running";
  readonly notes = [];

  preServe(): void {}
  postServe(): void {}
  clientComplete(): void {}
  async shutdown(): Promise<void> {}

  runCommand({ params, emit }: CommandCall): AsyncCommand {
    const { number } = params as { number: number };
    let current = 0;
    let isCancelled = false;
    return {
      reply: { number },
      detached: false,
      step: () => {
        if (isCancelled || current >= number) return false;
        emit({ type: "LogRecord", level: "info", message: String(++current) });
        return 0.1;
      },
      outcome: () => isCancelled ? { kind: "exit", exitCode: 130 } : { kind: "completed" },
      cancel: () => void (isCancelled = true),
    };
  }
}

const encoder = new TextEncoder();
const log: Logger = {
  log: (level, message) => void Deno.stderr.writeSync(encoder.encode(`${level} ${message}\n`)),
  flush: () => Promise.resolve(),
};
const listener = UnixListener.listen(Deno.args[0] ?? "counter.sock");
const project = { root: Deno.cwd() };
const cooker = new Counter();
await new ProcessServer({ cooker, listener, log, clock: systemClock, project }).serve();
