/**
 * Editors, pagers and Git.
 *
 * @module
 */

import { after, type Program, resized } from "./program.ts";

const LINES = Array.from({ length: 120 }, (_, index) => `line ${index + 1} of this text\n`).join(
  "",
);

const PAGE = ".TH PAGE 1 2020-01-01 simmer Manual\n.SH NAME\npage \\- a \\fBbold\\fP page\n" +
  Array.from({ length: 60 }, (_, index) => `.SH PART ${index}\nwords\n`).join("");

const VI = "vi -u NONE -i NONE -N";

/** Input of `git fast-import`: forty commits of one file. */
const COMMITS = Array.from(
  { length: 40 },
  (_, index) =>
    "commit refs/heads/main\ncommitter A <a@example.org> " + `${1577836800 + index} +0000\n` +
    `data <<END\nchange ${index}\nEND\nM 644 inline file\ndata <<END\nvalue ${index}\nEND\n\n`,
)
  .join("");

const REPOSITORY = {
  commits: COMMITS,
  begin: "git init -q -b main . && git fast-import --quiet < commits && git reset -q --hard main\n",
};

/** Returns a command in a repository of forty commits. */
function inRepository(command: string): string {
  return `sh begin && ${command}`;
}

/** Editors, pagers and Git. */
export const EDITORS: Readonly<Record<string, Program>> = {
  "vi": {
    command: `${VI} written`,
    needs: ["vi"],
    folder: "vi",
    files: { written: "one\ntwo\n" },
    writes: "written",
    steps: [
      after("two", "Gothree\x1b:set number\r"),
      resized("3 three", 60, 12),
      after("3 three", "ggdd"),
      after(/^(?!.*one)/s, ":wq\r"),
    ],
  },
  "vim with colours": {
    command: "vim -u NONE -i NONE -N --cmd 'set nomore' -c 'syntax on' -c 'split' code.c",
    folder: "vim",
    files: { "code.c": '#include <stdio.h>\nint main(void) { return puts("x"); }\n' },
    steps: [after("main", ":qa!\r")],
  },
  "nano": {
    command: "nano -I written",
    folder: "nano",
    files: { written: "one\n" },
    writes: "written",
    steps: [
      after("one", "zero \x18"),
      after("Save modified", "y"),
      after("File Name to Write", "\r"),
    ],
  },
  "less": {
    command: "less text",
    folder: "less",
    files: { text: LINES },
    steps: [
      after("line 23 ", " "),
      after("line 46 ", "/line 77\r"),
      after("line 77 ", "G"),
      after("line 120 ", "q"),
    ],
  },
  "less of a pipe": {
    command: "sh -c 'seq 100 | less'",
    needs: ["less"],
    steps: [after("23", "G"), after("100", "q")],
  },
  "more": {
    command: "more text",
    folder: "more",
    files: { text: LINES },
    steps: [after("--More--", " "), after("line 46 ", "q")],
  },
  "man": {
    command: "man -l ./page.1",
    needs: ["less"],
    folder: "man",
    files: { "page.1": PAGE },
    steps: [after("a bold page", "q")],
  },
  "git log": {
    command: inRepository("git log"),
    needs: ["git", "less"],
    folder: "log",
    files: REPOSITORY,
    steps: [after("change 39", "G"), after(/change 0$/m, "q")],
  },
  "git diff": {
    command: inRepository("git diff HEAD~1"),
    needs: ["git", "less"],
    folder: "diff",
    files: REPOSITORY,
  },
  "git commit with an editor": {
    command: inRepository(`git -c core.editor='${VI}' commit --allow-empty`),
    needs: ["git", "vi"],
    folder: "commit",
    files: REPOSITORY,
    steps: [after("Please enter", "iby an editor\x1b"), after("by an editor", ":wq\r")],
  },
  "git add -p": {
    command: inRepository("echo other > file && git add -p && git status -s"),
    needs: ["git", "perl"],
    folder: "add",
    files: REPOSITORY,
    steps: [after("Stage this hunk", "y\r")],
  },
};
