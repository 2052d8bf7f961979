/**
 * Programs that ask questions, with and without echo.
 *
 * @module
 */

import { after, type Program } from "./program.ts";

const DOWN = "\x1b[B";

const ORA = `import ora from "ora";
const spinner = ora("working").start();
process.stdin.once("data", () => {
  spinner.succeed("done");
  process.exit(0);
});
`;

const INQUIRER = `import { checkbox, confirm, input, password, select } from "@inquirer/prompts";
const choices = ["red", "green", "blue"];
const answers = [
  await input({ message: "Name" }),
  await select({ message: "Colour", choices }),
  await checkbox({ message: "Several", choices }),
  await password({ message: "Secret", mask: "*" }),
  await confirm({ message: "Sure" }),
];
console.log(JSON.stringify(answers));
`;

const CLACK = `import { intro, multiselect, outro, password, select, text } from "@clack/prompts";
const options = ["red", "green", "blue"].map((value) => ({ value, label: value }));
intro("A beginning");
const answers = [
  await text({ message: "Name", placeholder: "somebody" }),
  await select({ message: "Colour", options }),
  await multiselect({ message: "Several", options }),
  await password({ message: "Secret" }),
];
outro(JSON.stringify(answers));
`;

const ENQUIRER = `import enquirer from "enquirer";
const choices = ["red", "green", "blue"];
const answers = await enquirer.prompt([
  { type: "autocomplete", name: "one", message: "Colour", choices },
  { type: "multiselect", name: "several", message: "Several", choices },
  { type: "password", name: "secret", message: "Secret" },
]);
console.log(JSON.stringify(answers));
`;

/** Programs that ask questions. */
export const QUESTIONS: Readonly<Record<string, Program>> = {
  "npm init": {
    command: "npm init",
    folder: "init",
    writes: "package.json",
    steps: [
      after("package name:", "named\r"),
      after("version:", "\r"),
      after("description:", "words\r"),
      after("entry point:", "\r"),
      after("test command:", "\r"),
      after("git repository:", "\r"),
      after("keywords:", "\r"),
      after("author:", "\r"),
      after("license:", "\r"),
      after(/type:|Is this OK/, "\r"),
      after("Is this OK", "\r"),
    ],
  },
  "npm create": {
    command: "npm create vite",
    isPackage: true,
    needs: ["npm"],
    folder: "create",
    steps: [after("Project name", "made\r"), after("Select a framework", "\x03")],
  },
  "ora": {
    command: "node ora.mjs",
    isPackage: true,
    folder: "ora",
    files: { "ora.mjs": ORA },
    steps: [after(/working/, "\r"), after("done", "")],
    varying: [[/[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]/g, "*"]],
  },
  "@inquirer/prompts": {
    command: "node ask.mjs",
    isPackage: true,
    folder: "inquirer",
    files: { "ask.mjs": INQUIRER },
    steps: [
      after("Name", "Adda\x7f\r"),
      after(/❯ red/, DOWN),
      after(/❯ green/, "\r"),
      after(/❯◯ red/, " "),
      after("◉ red", "\r"),
      after("Secret", "word"),
      after(/Secret \*{4}/, "\r"),
      after("Sure", "n\r"),
    ],
  },
  "@clack/prompts": {
    command: "node ask.mjs",
    isPackage: true,
    folder: "clack",
    files: { "ask.mjs": CLACK },
    steps: [
      after("somebody", "Ada\r"),
      after("● red", DOWN),
      after("● green", "\r"),
      after("◻ red", " "),
      after("◼ red", "\r"),
      after("Secret", "word"),
      after("▪▪▪▪", "\r"),
    ],
  },
  "enquirer": {
    command: "node ask.mjs",
    isPackage: true,
    folder: "enquirer",
    files: { "ask.mjs": ENQUIRER },
    steps: [
      after("blue", "gre"),
      after(/Colour .*gre\b/, "\r"),
      after("Several", " "),
      after(/✔ red/, "\r"),
      after("Secret", "word"),
      after(/Secret .*\*{4}/, "\r"),
    ],
  },
  "ssh-keygen": {
    command: "ssh-keygen -t ed25519 -C comment -f key",
    folder: "key",
    steps: [
      after("passphrase", "longer word\r"),
      after("same passphrase", "longer word\r"),
    ],
    varying: [[/SHA256:\S+/, "KEY"], [/^\|.*\|$/gm, "|ART|"]],
  },
  "su": {
    command: "setpriv --reuid 65534 --clear-groups su",
    needs: ["su"],
    steps: [after("Password:", "wrong\r")],
  },
  "dialog": {
    command: "dialog --menu Colour 12 40 4 1 red 2 green 3 blue",
    steps: [after("green", "\x1bOB"), after("green", "\r")],
  },
  "whiptail": {
    command: "whiptail --title Title --inputbox Words 10 40",
    steps: [after("Words", "typed"), after("typed", "\r")],
  },
  "fzf": {
    command: "printf 'red\\ngreen\\nblue\\n' | fzf",
    needs: ["fzf"],
    steps: [after("blue", "gre"), after(/^(?!.*blue)/s, "\r")],
  },
};
