/**
 * Shells and other programs that read commands.
 *
 * @module
 */

import { after, NUMBERS, type Program } from "./program.ts";

const RAW = `process.stdin.setRawMode(true);
console.log(process.stdout.columns, process.stdout.rows, process.stdout.getColorDepth());
process.stdin.on("data", (keys) => {
  console.log(keys.toString("hex"));
  if (keys.includes(113)) process.exit(3);
});
`;

const QUESTION = `import readline from "node:readline/promises";
const lines = readline.createInterface({ input: process.stdin, output: process.stdout });
console.log("hello", await lines.question("Your name? "));
lines.close();
`;

const ASKS = `console.log(prompt("Your name?"), confirm("Sure?"));
`;

/**
 * Shells and REPLs.
 *
 * Ctrl-Z in the person's shell is no row, because `deno task` does not stop, so that its shell waits
 * until the task continues. simmer stops with the task: see tests/e2e/job_control_test.ts.
 */
export const SHELLS: Readonly<Record<string, Program>> = {
  "bash -i": {
    command: "bash --norc --noprofile -i",
    steps: [
      after(/[$#]$/, "echo $((20 + 3)) $-\r"),
      after(/^23 \S*m\S*$/m, "cat\r"),
      after("cat", "typed\r"),
      after("typed\ntyped", "\x1a"),
      after("Stopped", "jobs; fg\r"),
      after(/jobs; fg[^]*cat$/m, "\x03"),
      after(/\^C[^]*[$#]$/, "exit 5\r"),
    ],
  },
  "sh that reads a line": {
    command: "sh -c 'echo up; read x; echo \"got $x\"'",
    steps: [after("up", "wrong\x15worx\x7fd more\x17\x17two words\r")],
  },
  "read -s": {
    command: "bash -c 'read -s -p \"word: \" x; echo; echo got $x'",
    steps: [after("word:", "secret\r")],
  },
  "cat until Ctrl-D": {
    command: "sh -c 'echo up; cat'",
    steps: [after("up", "a\r"), after("a\na", "\x04")],
  },
  "Ctrl-C": { command: "sh -c 'echo up; sleep 600'", steps: [after("up", "\x03")] },
  "Ctrl-\\": {
    command: "sh -c 'ulimit -c 0; trap \"echo trapped; exit 9\" QUIT; echo up; sleep 600'",
    steps: [after("up", "\x1c")],
  },
  "node -i": {
    command: "node -i",
    steps: [
      after(/>$/, "[1, 'a', null]\r"),
      after("null ]", "\x1b[A"),
      after(/> \[1, 'a', null\]\n\/\//, "\x03"),
      after(/>$/, "process.stdout.col\t"),
      after("columns", "\r"),
      after(/^80$/m, ".exit\r"),
    ],
    varying: [[/v\d+\.\d+\.\d+/, "VERSION"]],
  },
  "node with readline": {
    command: "node question.mjs",
    folder: "readline",
    files: { "question.mjs": QUESTION },
    steps: [after("Your name?", "Addx\x7fa\r")],
  },
  "node in raw mode": {
    command: "node raw.mjs",
    folder: "raw",
    files: { "raw.mjs": RAW },
    steps: [
      after("80 24", "\x03"),
      after(/^03$/m, "\x1a"),
      after(/^1a$/m, "\x1b[B"),
      after("1b5b42", "\x1c"),
      after(/^1c$/m, "q"),
    ],
  },
  "deno repl": {
    command: "deno repl",
    steps: [after(/>$/, "[1, 'a', null]\r"), after("null ]", "close()\r")],
    varying: [[/Deno \d\S+/, "VERSION"]],
  },
  "deno prompt": {
    command: "deno run -A ask.ts",
    folder: "ask",
    files: { "ask.ts": ASKS, "deno.json": "{}" },
    // The prompt for a permission is no row: it discards keys that come too soon after it.
    steps: [after("Your name?", "Ada\r"), after("Sure?", "y\r")],
  },
  "deno task in a task": { command: "deno task inner" },
  "deno run --watch": {
    command: "deno run --watch up.ts",
    folder: "denowatch",
    files: { "up.ts": "console.log('%cup', 'color: red')", "deno.json": "{}" },
    steps: [after(/up[^]*finished/i, "\x03")],
  },
  "python3 -i": {
    command: "python3 -q -i",
    steps: [
      after(">>>", "print(6 * 7)\r"),
      after(/^42$/m, "\x1b[A"),
      after(/^42\n>>> print\(6 \* 7\)$/m, "\r"),
      after(/42[^]*42\n>>>$/, "\x04"),
    ],
  },
  "python3 with getpass": {
    command: "python3 -c 'import getpass; print(len(getpass.getpass()))'",
    steps: [after("Password:", "secret\r")],
  },
  "gdb": {
    command: "gdb -q -nx -nh",
    steps: [after("(gdb)", "print 6 * 7\r"), after("$1 = 42", "quit\r")],
  },
  "sqlite3": {
    command: "sqlite3 :memory:",
    steps: [after("sqlite>", "select 6 * 7;\r"), after(/^42$/m, ".quit\r")],
    varying: [[/^SQLite version.*$/m, ""]],
  },
  "tmux": {
    command: "tmux -S socket -f /dev/null new 'stty size; read x; echo $x' ';' set status off",
    folder: "tmux",
    steps: [after("80", "word\r")],
    varying: [NUMBERS],
  },
};
