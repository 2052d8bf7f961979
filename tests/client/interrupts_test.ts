import { assertEquals } from "@std/assert";
import { Interrupts } from "../../client/build/interrupts.ts";
import { signalExitCode } from "../../system/process/signals.ts";
import { TASK_SIGNALS, type TaskSignal } from "../../wire/signals.ts";

interface Situation {
  readonly isRunning: boolean;
  readonly isHungUp?: boolean;
}

/** Returns a client's reactions to signals. `"gone"`: the process that it works for has ended. */
function play(
  { isRunning, isHungUp = false }: Situation,
  signals: readonly (TaskSignal | "gone")[],
): [actions: string[], exitCode: number | undefined] {
  const actions: string[] = [];
  const interrupts = new Interrupts({
    isRunning: () => isRunning,
    isHungUp: () => isHungUp,
    cancel: (signal) => actions.push(`cancel ${signal}`),
    force: () => actions.push("force"),
    pass: (signal) => actions.push(`pass ${signal}`),
    leave: () => actions.push("leave"),
    exit: (code) => actions.push(`exit ${code}`),
  });
  for (const signal of signals) {
    if (signal === "gone") interrupts.abandon();
    else interrupts.receive(signal);
  }
  return [actions, interrupts.exitCode];
}

const RUNNING = { isRunning: true };
const WAITING = { isRunning: false };

Deno.test("R25 the first Ctrl-C cancels with SIGINT, the second forces, and the third ends the client at once", () => {
  const signals = ["SIGINT", "SIGINT", "SIGINT"] as const;
  assertEquals(play(RUNNING, signals.slice(0, 1)), [["cancel SIGINT"], 130]);
  assertEquals(play(RUNNING, signals.slice(0, 2)), [["cancel SIGINT", "force"], 130]);
  assertEquals(play(RUNNING, signals), [["cancel SIGINT", "force", "exit 130"], 130]);
});

Deno.test("R25 Ctrl-C before the build runs makes the client leave, and the next one ends it at once", () => {
  assertEquals(play(WAITING, ["SIGINT", "SIGINT"]), [["leave", "exit 130"], 130]);
});

Deno.test("SIGTERM and SIGQUIT cancel with their own signal, and the first signal sets the exit code", () => {
  assertEquals(play(RUNNING, ["SIGTERM"]), [["cancel SIGTERM"], 143]);
  assertEquals(play(RUNNING, ["SIGQUIT"]), [["cancel SIGQUIT"], 131]);
  assertEquals(play(RUNNING, ["SIGTERM", "SIGINT"]), [["cancel SIGTERM", "force"], 143]);
  assertEquals(play(WAITING, ["SIGTERM"]), [["leave"], 143]);
});

Deno.test("other signals are forwarded each time, and neither cancel nor count as a stage", () => {
  const signals = ["SIGUSR1", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGWINCH", "SIGHUP"] as const;
  const passed = signals.map((signal) => `pass ${signal}`);
  assertEquals(play(RUNNING, signals), [passed, undefined]);
  assertEquals(play(RUNNING, [...signals, "SIGINT"]), [[...passed, "cancel SIGINT"], 130]);
  assertEquals(play(RUNNING, ["SIGINT", "SIGUSR1"]), [["cancel SIGINT", "pass SIGUSR1"], 130]);
});

Deno.test("every signal except SIGWINCH makes the client leave before the build runs", () => {
  for (const signal of TASK_SIGNALS) {
    const expected: ReturnType<typeof play> = signal === "SIGWINCH"
      ? [[], undefined]
      : [["leave"], signalExitCode(signal)];
    assertEquals(play(WAITING, [signal]), expected, signal);
  }
});

Deno.test("a forwarded signal without a receiver makes the client leave, unless it is SIGWINCH", () => {
  const actions: string[] = [];
  const interrupts = new Interrupts({
    isRunning: () => true,
    isHungUp: () => false,
    cancel: () => {},
    force: () => {},
    pass: (signal) => interrupts.unheard(signal),
    leave: () => actions.push("leave"),
    exit: () => {},
  });
  interrupts.receive("SIGWINCH");
  assertEquals([actions, interrupts.exitCode], [[], undefined]);
  interrupts.receive("SIGUSR2");
  assertEquals([actions, interrupts.exitCode], [["leave"], signalExitCode("SIGUSR2")]);
  assertEquals(play(RUNNING, ["SIGINT", "SIGUSR1"])[0].at(-1), "pass SIGUSR1");
});

Deno.test("SIGHUP after a terminal hangup cancels once, and does not count as a second stage", () => {
  const hungUp = { isRunning: true, isHungUp: true };
  assertEquals(play(hungUp, ["SIGHUP"]), [["cancel SIGHUP"], 129]);
  assertEquals(play(hungUp, ["SIGHUP", "SIGHUP"]), [["cancel SIGHUP"], 129]);
  assertEquals(play(hungUp, ["SIGINT", "SIGHUP"]), [["cancel SIGINT", "pass SIGHUP"], 130]);
  assertEquals(play(hungUp, ["SIGHUP", "SIGINT"]), [["cancel SIGHUP", "force"], 129]);
  assertEquals(play({ isRunning: false, isHungUp: true }, ["SIGHUP"]), [["leave"], 129]);
});

Deno.test("a client leaves in any state when the process that it works for ends", () => {
  assertEquals(play(RUNNING, ["gone"]), [["leave"], 129]);
  assertEquals(play(WAITING, ["gone"]), [["leave"], 129]);
  assertEquals(play(RUNNING, ["SIGINT", "gone"]), [["cancel SIGINT", "leave"], 130]);
});

Deno.test("disposal of the listeners removes all of them", () => {
  const listening: string[] = [];
  const interrupts = new Interrupts({
    isRunning: () => true,
    isHungUp: () => false,
    cancel: () => {},
    force: () => {},
    pass: () => {},
    leave: () => {},
    exit: () => {},
  });
  const on = (what: string, listener: () => void): Disposable => {
    listening.push(what);
    if (what === "SIGTERM") listener();
    return { [Symbol.dispose]: () => listening.splice(listening.indexOf(what), 1) };
  };
  {
    using _listening = interrupts.listen(on, (listener) => on("gone", listener));
    assertEquals(listening, [...TASK_SIGNALS, "gone"]);
    assertEquals(interrupts.exitCode, 143);
  }
  assertEquals(listening, []);
});
