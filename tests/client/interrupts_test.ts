import { assertEquals } from "@std/assert";
import { type EndingSignal, Interrupts } from "../../client/interrupts.ts";

function play(
  isRunning: boolean,
  signals: readonly EndingSignal[],
): [string[], number | undefined] {
  const actions: string[] = [];
  const interrupts = new Interrupts({
    isRunning: () => isRunning,
    cancel: (force) => actions.push(force ? "force" : "cancel"),
    leave: () => actions.push("leave"),
    exit: (code) => actions.push(`exit ${code}`),
  });
  for (const signal of signals) interrupts.receive(signal);
  return [actions, interrupts.exitCode];
}

Deno.test("R25 Ctrl-C once cancels, twice forces, a third time ends the client at once", () => {
  const signals = ["SIGINT", "SIGINT", "SIGINT"] as const;
  assertEquals(play(true, signals.slice(0, 1)), [["cancel"], 130]);
  assertEquals(play(true, signals.slice(0, 2)), [["cancel", "force"], 130]);
  assertEquals(play(true, signals), [["cancel", "force", "exit 130"], 130]);
});

Deno.test("R25 Ctrl-C while nothing runs yet leaves, and the next one ends the client at once", () => {
  assertEquals(play(false, ["SIGINT", "SIGINT"]), [["leave", "exit 130"], 130]);
});

Deno.test("SIGTERM does as Ctrl-C does, and the first signal decides about the exit code", () => {
  assertEquals(play(true, ["SIGTERM"]), [["cancel"], 143]);
  assertEquals(play(true, ["SIGTERM", "SIGINT"]), [["cancel", "force"], 143]);
  assertEquals(play(false, ["SIGTERM"]), [["leave"], 143]);
});

Deno.test("SIGHUP leaves, also while a build is being cancelled", () => {
  assertEquals(play(true, ["SIGHUP"]), [["leave"], 129]);
  assertEquals(play(true, ["SIGINT", "SIGHUP"]), [["cancel", "leave"], 130]);
});

Deno.test("listening ends with its disposal", () => {
  const listening: string[] = [];
  const interrupts = new Interrupts({
    isRunning: () => true,
    cancel: () => {},
    leave: () => {},
    exit: () => {},
  });
  {
    using _listening = interrupts.listen((signal, listener) => {
      listening.push(signal);
      if (signal === "SIGTERM") listener();
      return { [Symbol.dispose]: () => listening.splice(listening.indexOf(signal), 1) };
    });
    assertEquals(listening, ["SIGINT", "SIGTERM", "SIGHUP"]);
    assertEquals(interrupts.exitCode, 143);
  }
  assertEquals(listening, []);
});
