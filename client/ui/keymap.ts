/**
 * The keys of the full view, and its help.
 *
 * @module
 */

/** Action of a key while tasks are looked at. */
export type Action =
  | "nextTask"
  | "previousTask"
  | "nextFailure"
  | "lineUp"
  | "lineDown"
  | "halfPageUp"
  | "halfPageDown"
  | "pageUp"
  | "pageDown"
  | "top"
  | "bottom"
  | "follow"
  | "search"
  | "nextMatch"
  | "previousMatch"
  | "clear"
  | "select"
  | "copy"
  | "copyAll"
  | "type"
  | "restart"
  | "cancel"
  | "zoom"
  | "mouse"
  | "help"
  | "repaint"
  | "suspend"
  | "quit";

interface Binding {
  readonly keys: readonly string[];
  readonly action: Action;
  /** The keys as the help shows them, and what they do. Absent: not shown. */
  readonly help?: readonly [string, string];
}

/** Key that ends typing into a task. No program uses it, and every keyboard can send it. */
export const LEAVE_KEY = 0x1d;

const BINDINGS: readonly Binding[] = [
  { keys: ["down", "j"], action: "nextTask", help: ["↓ j", "next task"] },
  { keys: ["up", "k"], action: "previousTask", help: ["↑ k", "previous task"] },
  { keys: ["e"], action: "nextFailure", help: ["e", "next failed task"] },
  { keys: ["pageup", "ctrl-b", "b"], action: "pageUp", help: ["PgUp b", "output: a page up"] },
  {
    keys: ["pagedown", "ctrl-f", "space"],
    action: "pageDown",
    help: ["PgDn Space", "output: a page down"],
  },
  { keys: ["ctrl-u"], action: "halfPageUp", help: ["Ctrl-U Ctrl-D", "output: half a page"] },
  { keys: ["ctrl-d"], action: "halfPageDown" },
  { keys: ["ctrl-y", "K"], action: "lineUp", help: ["K J", "output: a line up, down"] },
  { keys: ["ctrl-e", "J"], action: "lineDown" },
  { keys: ["g", "home"], action: "top", help: ["g Home", "output: beginning"] },
  { keys: ["G", "end"], action: "bottom", help: ["G End", "output: end, and follow"] },
  { keys: ["f"], action: "follow", help: ["f", "follow the output, or stay"] },
  { keys: ["/"], action: "search", help: ["/", "search in the output"] },
  { keys: ["n"], action: "nextMatch", help: ["n N", "next match, previous match"] },
  { keys: ["N"], action: "previousMatch" },
  { keys: ["esc"], action: "clear", help: ["Esc", "end the search"] },
  { keys: ["y"], action: "copy", help: ["y", "copy the visible output"] },
  { keys: ["Y"], action: "copyAll", help: ["Y", "copy all output"] },
  { keys: ["v"], action: "select", help: ["v", "select lines: ↑ ↓, y copies, Esc ends"] },
  {
    keys: ["i", "enter"],
    action: "type",
    help: ["i Enter", "type into a task that reads keys; Ctrl-] ends"],
  },
  { keys: ["r"], action: "restart", help: ["r", "run the task again"] },
  { keys: ["x"], action: "cancel", help: ["x", "cancel the task's build"] },
  { keys: ["z"], action: "zoom", help: ["z", "output only, without a frame"] },
  { keys: ["m"], action: "mouse", help: ["m", "mouse: click and wheel, on or off"] },
  { keys: ["?", "f1"], action: "help", help: ["?", "this help"] },
  { keys: ["ctrl-l"], action: "repaint", help: ["Ctrl-L", "paint the screen again"] },
  { keys: ["ctrl-z"], action: "suspend", help: ["Ctrl-Z", "suspend; 'fg' continues"] },
  { keys: ["q", "ctrl-c"], action: "quit", help: ["q Ctrl-C", "leave; builds go on"] },
];

const ACTIONS: ReadonlyMap<string, Action> = new Map(
  BINDINGS.flatMap(({ keys, action }) => keys.map((key) => [key, action] as const)),
);

/** Returns what a key does; `undefined`: nothing. */
export function actionOf(key: string): Action | undefined {
  return ACTIONS.get(key);
}

/** The lines of the help: keys, and what they do. */
export const HELP: readonly (readonly [string, string])[] = BINDINGS.flatMap(({ help }) =>
  help === undefined ? [] : [help]
);

/** Symbols of the list, and what they mean. */
export const SYMBOL_HELP: readonly (readonly [string, string])[] = [
  ["● ◆ ▲", "running, reads keys, a service that is ready"],
  ["✓ ✗ ■", "done or cached, failed, cancelled"],
  ["· – ?", "waits, not run, unknown"],
];
