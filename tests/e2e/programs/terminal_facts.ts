/**
 * Programs that show what a terminal is, and programs that only write to it.
 *
 * @module
 */

import { after, NUMBERS, type Program, resized } from "./program.ts";

/** Prints the size after SIGWINCH, which may come several times for one change. */
const SIZES = `import os, select, signal, sys
signals = ["begin"]
signal.signal(signal.SIGWINCH, lambda *_: signals.append("changed"))
seen = None
while not select.select([0], [], [], 0.02)[0]:
    if signals:
        signals.clear()
        size = os.get_terminal_size()
        if size != seen: print(*size, flush=True)
        seen = size
`;

const DRAWING = `import curses
def draw(screen):
    curses.start_color()
    curses.init_pair(1, curses.COLOR_RED, curses.COLOR_BLUE)
    shown = key = ""
    while key != "q":
        screen.erase()
        screen.box()
        screen.addstr(2, 4, "%d x %d" % screen.getmaxyx(), curses.color_pair(1) | curses.A_BOLD)
        screen.addstr(3, 4, shown)
        key = screen.getkey()
        if key != "KEY_RESIZE": shown = key
curses.wrapper(draw)
`;

/** Programs that show facts, or write without questions. */
export const TERMINAL_FACTS: Readonly<Record<string, Program>> = {
  "tty": { command: "tty", varying: [NUMBERS] },
  "stty size": { command: "stty size" },
  "stty -a": { command: "stty -a" },
  "tput": {
    command: "sh -c 'tput cols; tput lines; tput setaf 2; tput bold; echo green'",
    needs: ["tput"],
  },
  "test -t": { command: "sh -c 'for n in 0 1 2; do test -t $n && echo $n; done'" },
  "ps": {
    command: "sh -c 'echo to /dev/tty > /dev/tty; ps -o stat=,args= -p $$'",
    needs: ["ps"],
  },
  "ls --color": { command: "ls --color=auto -x", folder: "ls", files: { "a/b": "", "c": "" } },
  "grep --color": {
    command: "grep --color=auto -n one words",
    folder: "grep",
    files: { words: "one\ntwo one\n" },
  },
  "a size that changes": {
    command: "python3 size.py",
    folder: "size",
    files: { "size.py": SIZES },
    steps: [
      resized("80 24", 100, 30),
      resized("100 30", 20, 5),
      resized("20 5", 132, 43),
      after("132 43", "\r"),
    ],
  },
  "curses": {
    command: "python3 draw.py",
    folder: "curses",
    files: { "draw.py": DRAWING },
    steps: [
      after("24 x 80", "\x1bOA"),
      resized("KEY_UP", 60, 15),
      after("15 x 60", "q"),
    ],
  },
  "script": {
    command: "script -qc 'stty size; tput setaf 1; echo red' /dev/null",
    needs: ["tput"],
  },
  "watch": { command: "watch -t -n 600 echo hello", steps: [after("hello", "\x03")] },
  "top": {
    command: "top -d 600",
    // Only the names of the columns are the same in two runs.
    varying: [[/^(?!.*PID).*$/gm, ""]],
    steps: [after("COMMAND", "q")],
  },
  "htop": {
    command: "htop -d 600",
    varying: [[/^(?!.*(PID|F1)).*$/gm, ""]],
    steps: [after("F10", "q")],
  },
  "clear": { command: "sh -c 'seq 30; clear; echo cleared'", needs: ["clear"] },
  "orders on stdout and stderr": {
    command: "sh -c 'for n in 1 2 3 4 5 6 7 8; do echo out $n; echo err $n >&2; done'",
  },
};
