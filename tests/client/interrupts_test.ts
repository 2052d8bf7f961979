import { assertEquals } from "@std/assert";
import { Interrupts } from "../../client/build/interrupts.ts";
import { signalExitCode } from "../../system/process/signals.ts";
import { REPEAT_MS, TASK_SIGNALS, type TaskSignal } from "../../wire/signals.ts";

interface Situation {
  readonly isRunning: boolean;
  readonly isHungUp?: boolean;
}

/**
 * Returns a client's reactions to signals. `"gone"`: the process that it works for has ended.
 *
 * @param intervalMs time between two signals
 */
function play(
  { isRunning, isHungUp = false }: Situation,
  signals: readonly (TaskSignal | "gone" | "other keys")[],
  intervalMs = REPEAT_MS,
): [actions: string[], exitCode: number | undefined] {
  const actions: string[] = [];
  let now = 0;
  const interrupts = new Interrupts({
    now: () => now += intervalMs,
    isRunning: () => isRunning,
    isHungUp: () => isHungUp,
    cancel: (signal) => actions.push(`cancel ${signal}`),
    suspend: () => actions.push("suspend"),
    pass: (signal) => actions.push(`pass ${signal}`),
    leave: () => actions.push("leave"),
    exit: (code) => actions.push(`exit ${code}`),
  });
  for (const signal of signals) {
    if (signal === "gone") interrupts.abandon();
    else if (signal === "other keys") interrupts.restart();
    else interrupts.receive(signal);
  }
  return [actions, interrupts.exitCode];
}

const RUNNING = { isRunning: true };
const WAITING = { isRunning: false };

Deno.test("R25 Ctrl-C sends the tasks SIGINT, then SIGTERM, then SIGKILL, and the fourth ends the client", () => {
  const stages = ["cancel SIGINT", "cancel SIGTERM", "cancel SIGKILL", "exit 130"];
  for (const count of [1, 2, 3, 4]) {
    const signals = Array.from({ length: count }, () => "SIGINT" as const);
    assertEquals(play(RUNNING, signals), [stages.slice(0, count), 130]);
  }
});

Deno.test("R25 Ctrl-C after other keys counts as a first one, until SIGTERM was sent", () => {
  const again = play(RUNNING, ["SIGINT", "other keys", "SIGINT", "SIGINT"]);
  assertEquals(again, [["cancel SIGINT", "cancel SIGINT", "cancel SIGTERM"], 130]);
  const late = play(RUNNING, ["SIGINT", "SIGINT", "other keys", "SIGINT"]);
  assertEquals(late, [["cancel SIGINT", "cancel SIGTERM", "cancel SIGKILL"], 130]);
});

Deno.test("R25 equal signals of one key press count as one", () => {
  const at = (intervalMs: number, ...signals: readonly TaskSignal[]): string[] =>
    play(RUNNING, signals, intervalMs)[0];
  assertEquals(at(REPEAT_MS - 1, "SIGINT", "SIGINT"), ["cancel SIGINT"]);
  assertEquals(at(50, "SIGINT", "SIGINT", "SIGINT", "SIGINT"), ["cancel SIGINT"]);
  assertEquals(at(REPEAT_MS / 2, "SIGINT", "SIGINT", "SIGINT"), [
    "cancel SIGINT",
    "cancel SIGTERM",
  ]);
  assertEquals(at(0, "SIGINT", "SIGTERM"), ["cancel SIGINT", "cancel SIGTERM"]);
  assertEquals(at(0, "SIGUSR1", "SIGUSR1"), ["pass SIGUSR1", "pass SIGUSR1"]);
});

Deno.test("SIGTSTP suspends in every state, and is no stage of an end", () => {
  assertEquals(play(RUNNING, ["SIGTSTP", "SIGCONT"]), [["suspend", "pass SIGCONT"], undefined]);
  assertEquals(play(WAITING, ["SIGTSTP", "SIGCONT"]), [["suspend"], undefined]);
  assertEquals(play(RUNNING, ["SIGINT", "SIGTSTP"]), [["cancel SIGINT", "suspend"], 130]);
});

Deno.test("R25 Ctrl-C before the build runs makes the client leave, and the next one ends it at once", () => {
  assertEquals(play(WAITING, ["SIGINT", "SIGINT"]), [["leave", "exit 130"], 130]);
});

Deno.test("SIGTERM and SIGQUIT cancel with their own signal, and the first signal sets the exit code", () => {
  assertEquals(play(RUNNING, ["SIGTERM"]), [["cancel SIGTERM"], 143]);
  assertEquals(play(RUNNING, ["SIGQUIT"]), [["cancel SIGQUIT"], 131]);
  assertEquals(play(RUNNING, ["SIGTERM", "SIGINT"]), [["cancel SIGTERM", "cancel SIGKILL"], 143]);
  assertEquals(play(RUNNING, ["SIGQUIT", "SIGINT"]), [["cancel SIGQUIT", "cancel SIGTERM"], 131]);
  assertEquals(play(WAITING, ["SIGTERM"]), [["leave"], 143]);
});

Deno.test("other signals are forwarded each time, and neither cancel nor count as a stage", () => {
  const signals = ["SIGUSR1", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGWINCH", "SIGHUP"] as const;
  const passed = signals.map((signal) => `pass ${signal}`);
  assertEquals(play(RUNNING, signals), [passed, undefined]);
  assertEquals(play(RUNNING, [...signals, "SIGINT"]), [[...passed, "cancel SIGINT"], 130]);
  assertEquals(play(RUNNING, ["SIGINT", "SIGUSR1"]), [["cancel SIGINT", "pass SIGUSR1"], 130]);
});

Deno.test("every signal that ends a program makes the client leave before the build runs", () => {
  const others: Partial<Record<TaskSignal, string[]>> = {
    SIGWINCH: [],
    SIGCONT: [],
    SIGTSTP: ["suspend"],
  };
  for (const signal of TASK_SIGNALS) {
    const other = others[signal];
    const expected: ReturnType<typeof play> = other === undefined
      ? [["leave"], signalExitCode(signal)]
      : [other, undefined];
    assertEquals(play(WAITING, [signal]), expected, signal);
  }
});

Deno.test("a forwarded signal without a receiver makes the client leave, unless it is SIGWINCH", () => {
  const actions: string[] = [];
  const interrupts = new Interrupts({
    now: () => 0,
    isRunning: () => true,
    isHungUp: () => false,
    cancel: () => {},
    suspend: () => {},
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
  assertEquals(play(hungUp, ["SIGHUP", "SIGINT"]), [["cancel SIGHUP", "cancel SIGTERM"], 129]);
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
    now: () => 0,
    isRunning: () => true,
    isHungUp: () => false,
    cancel: () => {},
    suspend: () => {},
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
