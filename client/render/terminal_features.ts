/**
 * Features of terminals that not all of them have, by the variables with which they introduce
 * themselves.
 *
 * @module
 */

import { isSet } from "./style.ts";

type Env = Readonly<Record<string, string>>;

/** Programs, by `TERM_PROGRAM`, that show links (OSC 8). */
const LINKING: ReadonlySet<string> = new Set([
  "ghostty",
  "Hyper",
  "iTerm.app",
  "rio",
  "vscode",
  "WezTerm",
  "zed",
]);
/** Values of `TERM` of terminals that show links. */
const LINKING_TERM = /^(alacritty|contour|foot|xterm-ghostty|xterm-kitty)/;
/** The first version of VTE, as in `VTE_VERSION`, in which links do not crash. */
const VTE_LINKS = 5002;
/** The first version of VTE that shows progress. */
const VTE_PROGRESS = 7900;

/** Programs, by `TERM_PROGRAM`, that show progress (OSC 9;4). */
const PROGRESSING: ReadonlySet<string> = new Set(["ghostty", "WezTerm"]);

/** Programs, by `TERM_PROGRAM`, whose terminal is xterm.js. */
const XTERM_JS: ReadonlySet<string> = new Set(["Hyper", "Tabby", "vscode"]);

/** Returns true if a program runs in a multiplexer, which may pass nothing on to the terminal. */
function isMultiplexed(env: Env): boolean {
  return isSet(env.TMUX) || isSet(env.STY) || isSet(env.ZELLIJ) ||
    /^(screen|tmux)/.test(env.TERM ?? "");
}

/**
 * Returns true if a terminal is known to show links to files. `FORCE_HYPERLINK` decides if it is
 * set, as for other programs.
 */
export function showsLinks(env: Env): boolean {
  if (isSet(env.FORCE_HYPERLINK)) return env.FORCE_HYPERLINK !== "0";
  // A file of a remote machine could not be opened.
  if (isMultiplexed(env) || isSet(env.SSH_CONNECTION)) return false;
  return LINKING.has(env.TERM_PROGRAM ?? "") || LINKING_TERM.test(env.TERM ?? "") ||
    Number(env.VTE_VERSION) >= VTE_LINKS || isSet(env.WT_SESSION) || isSet(env.KONSOLE_VERSION);
}

/**
 * Returns true if a terminal is known to show progress. Others might show the sequence as a
 * notification.
 */
export function showsProgress(env: Env): boolean {
  if (isMultiplexed(env)) return false;
  return isSet(env.WT_SESSION) || env.ConEmuANSI === "ON" ||
    PROGRESSING.has(env.TERM_PROGRAM ?? "") || Number(env.VTE_VERSION) >= VTE_PROGRESS;
}

/**
 * Returns true if a terminal that becomes narrower moves the cursor down by the lines that it breaks
 * below it. xterm.js does, and with it VS Code and others.
 */
export function movesCursor(env: Env): boolean {
  return !isMultiplexed(env) && XTERM_JS.has(env.TERM_PROGRAM ?? "");
}

/** Returns a text as a link to a file. @param path absolute */
export function linkTo(path: string, text: string): string {
  const url = `file://${path.split("/").map(encodeURIComponent).join("/")}`;
  return `\x1b]8;;${url}\x1b\\${text}\x1b]8;;\x1b\\`;
}
