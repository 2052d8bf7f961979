/**
 * Programs that behave differently in terminals show the same screens under simmer as under
 * `deno task`: by the quick client, and by the whole client.
 *
 * A program runs in three terminals at once. A step is taken in all of them when all show the text
 * that it waits for, and show the same otherwise, with colours, cursor and modes.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { hasPerl, Project } from "../support.ts";
import { type Run, Screen } from "../screen.ts";
import { EDITORS } from "./editors.ts";
import { preparePackages } from "./packages.ts";
import type { Program, Step } from "./program.ts";
import { QUESTIONS } from "./questions.ts";
import { SHELLS } from "./shells.ts";
import { TERMINAL_FACTS } from "./terminal_facts.ts";
import { WATCHERS } from "./watchers.ts";

/** Names of the rows that run; default: all. */
const ONLY = Deno.env.get("SIMMER_PROGRAMS")?.split(",");

const ALL: Readonly<Record<string, Program>> = {
  ...TERMINAL_FACTS,
  ...EDITORS,
  ...SHELLS,
  ...QUESTIONS,
  ...WATCHERS,
};

/** The programs, or those that `SIMMER_PROGRAMS` names, separated by commas. */
const PROGRAMS: Readonly<Record<string, Program>> = Object.fromEntries(
  Object.entries(ALL).filter(([name]) => ONLY?.includes(name) ?? true),
);

/** Programs that run at a time, each in three terminals. */
const AT_ONCE = 6;

/** Milliseconds until terminals that do not show the same have failed. */
const LATE_MS = 30_000;

/** A command that runs tasks, and the project in which it does so. */
interface Way {
  readonly name: string;
  readonly words: readonly string[];
  readonly project: Project;
}

/** A program that runs in one way. */
interface Session {
  readonly way: Way;
  readonly screen: Screen;
}

const COMMANDS: readonly (readonly [name: string, words: readonly string[]])[] = [
  ["deno task", ["deno", "task", "-q"]],
  ["the whole client", [Deno.execPath(), "run", "-A", pathOf("../../../cli.ts"), "run", "-q"]],
];

/** Exit code after SIGINT. */
const INTERRUPTED = 130;

Deno.test({
  name: "programs show the same screens in a terminal as under deno task (Linux)",
  ignore: Deno.build.os !== "linux",
  fn: async (test) => {
    await using all = new AsyncDisposableStack();
    const packages = await preparePackages();
    const runnable = Object.entries(PROGRAMS).filter(([, program]) =>
      missingOf(program, packages) === undefined
    );
    const ways: Way[] = [];
    for (const [name, words] of [...COMMANDS, ...await quickClient(all)]) {
      const project = all.use(await Project.create(filesOf(Object.fromEntries(runnable))));
      if (packages !== undefined) await Deno.symlink(packages, `${project.root}/node_modules`);
      const way = { name, words, project };
      if (name !== "deno task") await project.run(["run", "-q", "inner"]);
      ways.push(way);
    }
    const failures = new Map<string, unknown>();
    const left = [...runnable];
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        const [name, program] = next;
        try {
          await compare(ways, name, program);
        } catch (error) {
          failures.set(name, error);
        }
      }
    }));
    for (const [name, program] of Object.entries(PROGRAMS)) {
      const missing = missingOf(program, packages);
      await test.step({
        name: missing === undefined ? name : `${name} (skipped: there is no ${missing})`,
        ignore: missing !== undefined,
        fn: () => {
          if (failures.has(name)) throw failures.get(name);
        },
      });
    }
  },
});

/**
 * Returns an exit code to compare. After Ctrl-C, the shell of `deno task` now and then returns 130
 * instead of its child's code, with simmer and without. The code of another client then counts.
 */
function ownCode(
  code: number | undefined,
  all: readonly number[],
  { steps = [] }: Program,
): number | undefined {
  if (code !== INTERRUPTED || steps.at(-1)?.keys !== "\x03") return code;
  return all.find((each) => each !== INTERRUPTED) ?? code;
}

/** Returns the first thing that a program needs and that is missing. */
function missingOf(program: Program, packages: string | undefined): string | undefined {
  if (program.isPackage === true) {
    return packages === undefined ? "access to npm packages" : undefined;
  }
  const [first = ""] = program.command.split(" ");
  return [first, ...program.needs ?? []].find((each) => !isInstalled(each));
}

function isInstalled(program: string): boolean {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  return folders.some((folder) => {
    try {
      return Deno.statSync(`${folder}/${program}`).isFile;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
        return false;
      }
      throw error;
    }
  });
}

function filesOf(programs: Readonly<Record<string, Program>>): Record<string, unknown> {
  const tasks: Record<string, string> = { inner: "echo inner" };
  const files: Record<string, unknown> = {};
  for (const [name, { command, folder, files: own = {} }] of Object.entries(programs)) {
    tasks[taskOf(name)] = folder === undefined ? command : `cd ${folder} && ${command}`;
    if (folder !== undefined) files[`${folder}/.keep`] = "";
    for (const [path, text] of Object.entries(own)) files[`${folder}/${path}`] = text;
  }
  return { ...files, "home/.keep": "", "deno.json": { nodeModulesDir: "manual", tasks } };
}

/** Returns the name of a program's task. */
function taskOf(name: string): string {
  return `run-${name.replaceAll(/[^\w]+/g, "-")}`;
}

async function compare(ways: readonly Way[], name: string, program: Program): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const sessions = ways.map((way): Session => ({
    way,
    screen: stack.use(
      Screen.start(way.project, [...way.words, taskOf(name)], { env: environment(way) }),
    ),
  }));
  for (const step of program.steps ?? []) {
    await untilSame(sessions, program, step);
    for (const { screen } of sessions) {
      if (step.keys !== undefined) await screen.type(step.keys);
      if (step.size !== undefined) await screen.resize(...step.size);
    }
  }
  const codes = await Promise.all(sessions.map((each) => endOf(each)));
  const [expected, ...others] = sessions;
  if (expected === undefined) return;
  for (const [index, other] of others.entries()) {
    const what = `${other.way.name}: ${program.command}`;
    assertEquals(picture(other, program), picture(expected, program), what);
    assertEquals(
      ownCode(codes[index + 1], codes, program),
      ownCode(codes[0], codes, program),
      `the exit code of ${what}`,
    );
    assertEquals(
      await written(other, program),
      await written(expected, program),
      `the file that was written by ${what}`,
    );
  }
}

function environment({ project }: Way): Record<string, string> {
  return {
    HOME: `${project.root}/home`,
    DENO_DIR: Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`,
    DENO_NO_UPDATE_CHECK: "1",
    LC_ALL: "C.UTF-8",
    NO_COLOR: "",
    PS1: "$ ",
    npm_config_update_notifier: "false",
    ...Object.fromEntries(
      ["AUTHOR", "COMMITTER"].flatMap((who) => [
        [`GIT_${who}_NAME`, "A"],
        [`GIT_${who}_EMAIL`, "a@example.org"],
        [`GIT_${who}_DATE`, "2020-01-01T00:00:00Z"],
      ]),
    ),
  };
}

/**
 * Resolves when all terminals show a text, and look the same.
 *
 * @throws {Error} if they have not done so in time, or never will
 */
async function untilSame(
  sessions: readonly Session[],
  program: Program,
  { shows }: Step,
): Promise<void> {
  const late = Promise.withResolvers<void>();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    late.resolve();
  }, LATE_MS);
  try {
    while (true) {
      const [expected = "", ...others] = sessions.map((each) => picture(each, program));
      const isSame = others.every((each) => each === expected);
      if (isSame && sessions.every(({ screen }) => isShown(shows, screen.text))) return;
      const open = sessions.filter(({ screen }) => !screen.isEnded);
      if (isLate || open.length === 0) {
        for (const [index, each] of others.entries()) {
          assertEquals(each, expected, `${sessions[index + 1]?.way.name}, at ${shows}`);
        }
        throw new Error(`no terminal shows ${shows}:\n${expected}`);
      }
      await Promise.race([late.promise, ...open.map(({ screen }) => screen.changed())]);
    }
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves with the exit code of a session. */
async function endOf({ screen, way }: Session): Promise<number> {
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), LATE_MS);
  let code: number | undefined;
  try {
    code = await Promise.race([screen.finished(), late.promise]);
  } finally {
    clearTimeout(timer);
  }
  if (code === undefined) throw new Error(`${way.name} did not end:\n${screen.text}`);
  return code;
}

function isShown(shows: Step["shows"], text: string): boolean {
  return typeof shows === "string" ? text.includes(shows) : shows.test(text);
}

/** Returns what a person sees, as text, with modes and cursor. */
function picture({ screen, way }: Session, { varying = [] }: Program): string {
  const { cursor, modes, lines } = screen;
  let text = [...lines.map((line) => line.map(marked).join("")), ""].join("\n")
    .replaceAll(way.project.root, "ROOT");
  for (const [pattern, replacement] of varying) {
    text = text.replaceAll(
      new RegExp(pattern, pattern.flags.includes("g") ? pattern.flags : pattern.flags + "g"),
      replacement,
    );
  }
  if (!screen.isEnded) return `${text}${JSON.stringify({ cursor, modes }, null, 1)}`;
  return `${text.replace(FAILURE, "").trimEnd()}${JSON.stringify(modes)}`;
}

/** The line in which simmer, but not `deno task`, names a failed task and its log. */
const FAILURE = /^simmer: <[^>]*>\S+ failed<\/> with exit code [^]*?\.log$/m;

/** Returns a run with its look in front of it. */
function marked({ text, foreground, background, attributes }: Run): string {
  const look = [
    ...(foreground === undefined ? [] : [`fg ${JSON.stringify(foreground)}`]),
    ...(background === undefined ? [] : [`bg ${JSON.stringify(background)}`]),
    ...attributes,
  ];
  return look.length === 0 ? text : `<${look.join(" ")}>${text}</>`;
}

async function written({ way }: Session, { folder, writes }: Program): Promise<string> {
  return writes === undefined ? "" : await way.project.read(`${folder}/${writes}`);
}

/** Installs the quick client. Returns nothing if there is no Perl. */
async function quickClient(stack: AsyncDisposableStack): Promise<typeof COMMANDS> {
  if (!hasPerl()) return [];
  const dir = await Deno.makeTempDir({ prefix: "simmer_quick_" });
  stack.defer(() => Deno.remove(dir, { recursive: true }));
  const args = ["run", "-A", pathOf("../../../main.ts"), "install", "--dir", dir];
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return [["the quick client", [`${dir}/simmer`, "run", "-q"]]];
}

function pathOf(relative: string): string {
  return new URL(relative, import.meta.url).pathname;
}
