/**
 * Policies of a process server: which UIs may run commands, and what happens to a command that
 * comes while others are in progress.
 *
 * Connections and commands ask the policy. No other part of the server depends on it.
 *
 * @module
 */

import type { Role, WhenBusy } from "../wire/hello.ts";

/** Use of a server at the time of a decision. */
export interface ServerUse {
  /** A controller is connected. */
  readonly hasController: boolean;
  /** A command is in progress. */
  readonly isBusy: boolean;
  /** A command in progress has started the UI's process, and waits for it. */
  readonly isAwaited: boolean;
}

/** Command that a UI sends while others are in progress. */
export interface CommandWish {
  /** The UI has the feature `queueCommands`. */
  readonly mayQueue: boolean;
  /** All commands in progress are being cancelled. */
  readonly allEnding: boolean;
  /** A command in progress has started the UI's process, and waits for it. */
  readonly isAwaited: boolean;
}

/** Decides about UIs and commands. */
export interface CommandPolicy {
  /** Name of the policy, as in `status`. */
  readonly name: "single" | "many";
  /** Returns the role of a UI that wants to be a controller, or its refusal. */
  admit(whenBusy: WhenBusy, use: ServerUse): Role | "waiting" | "refused";
  /** Decides about a command while at least one other is in progress. */
  start(wish: CommandWish): "run" | "queue" | "busy";
}

/**
 * BitBake's policy (R4, R10): one controller at a time, and one command at a time. Further
 * controllers wait their turn, except for those that the command in progress waits for: they could
 * wait for ever.
 */
export const SINGLE: CommandPolicy = {
  name: "single",
  admit: (whenBusy, { hasController, isAwaited }) => {
    if (!hasController || isAwaited) return "controller";
    return ({ wait: "waiting", refuse: "refused", observe: "observer" } as const)[whenBusy];
  },
  // A command that is being cancelled ends soon, so the new one is queued for every client.
  start: ({ mayQueue, allEnding, isAwaited }) => {
    if (isAwaited) return "run";
    return mayQueue || allEnding ? "queue" : "busy";
  },
};

/**
 * simmer's policy: every UI may run commands at any time, and none waits for another UI. A UI may
 * still ask not to run beside others.
 */
export const MANY: CommandPolicy = {
  name: "many",
  admit: (whenBusy, { hasController, isBusy, isAwaited }) => {
    if (isAwaited) return "controller";
    if (whenBusy === "refuse" && (hasController || isBusy)) return "refused";
    return whenBusy === "observe" && isBusy ? "observer" : "controller";
  },
  start: () => "run",
};
