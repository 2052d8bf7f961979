/**
 * Takes the pictures of the documentation: `deno task docs:pictures`. Each shows the real command
 * line in a terminal, with tasks that wait for the script, so that the moment is always the same.
 *
 * @module
 */

import { KEYS, type Run, Screen, type ScreenOptions } from "../tests/e2e/screen.ts";
import { Project, SIMMER } from "../tests/e2e/support.ts";
import { drawTerminal } from "./terminal_picture.ts";

/** Rows and columns of all pictures. */
const COLUMNS = 92;

/** The folder of the pictures. */
const FOLDER = new URL("./", import.meta.url);

/** The programs of the workspace's tasks, and the lines that they print. */
const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  "check-types": ["\x1b[32m✓\x1b[0m no problems in 48 files"],
  "compile": ["compiling 48 files", "\x1b[32m✓\x1b[0m compiled 48 files"],
  "bundle": ["bundling 7 pages", "\x1b[32m✓\x1b[0m bundled 7 pages, 214 kB"],
  "unit-tests": [
    "running 31 tests",
    "\x1b[31m✗\x1b[0m the total of an empty cart",
    "  expected 0, got NaN (cart.ts:12)",
  ],
};

/** A workspace of two packages. */
const FILES: Readonly<Record<string, unknown>> = {
  "deno.json": { workspace: ["./api", "./web"] },
  "api/deno.json": {
    name: "@shop/api",
    tasks: {
      build: { command: "compile --target es2024", dependencies: ["check"] },
      check: { command: "check-types", files: ["*.ts"], output: [] },
      test: "unit-tests --bail",
    },
  },
  "api/cart.ts": "export {};\n",
  "web/deno.json": {
    name: "@shop/web",
    tasks: {
      build: { command: "bundle --minify", files: ["*.ts"], output: [], dependencies: ["check"] },
      check: { command: "check-types", files: ["*.ts"], output: [] },
    },
  },
  "web/page.ts": "export {};\n",
};

/** Returns a script that prints lines. Before the second it waits for the file `go`. */
function programOf(name: string, root: string): string {
  const [first = "", ...others] = PROGRAMS[name] ?? [];
  const print = (line: string): string => `echo '${line}'\n`;
  const wait = others.length === 0 ? "" : `until [ -e ${root}/go ]; do sleep 0.05; done\n`;
  const exit = name === "unit-tests" ? "exit 1\n" : "";
  return `#!/bin/sh\n${print(first)}${wait}${others.map(print).join("")}${exit}`;
}

/** A moment to draw. */
interface Scene {
  /** Name of the file, without its ending. */
  readonly name: string;
  readonly label: string;
  readonly rows: number;
  /** Acts until the moment has come. */
  readonly act: (shell: Shell) => Promise<void>;
}

/** A person's shell in a terminal. */
interface Shell {
  readonly screen: Screen;
  /** Types a command. */
  enter(command: string): Promise<void>;
  /** Lets the tasks go on, from now on. */
  release(): Promise<void>;
  /** Lets the tasks wait again. */
  hold(): Promise<void>;
}

const SCENES: readonly Scene[] = [
  {
    name: "run",
    label: "A run with cached tasks, the reason for the next run, and that run in progress",
    rows: 26,
    act: async ({ screen, enter, release, hold }) => {
      await release();
      await enter("simmer run -q -r build; clear");
      await screen.until(/^\$$/);
      await enter("simmer run -r check");
      await screen.until(/2 cached[^]*\$$/);
      await hold();
      await enter("echo 'export const total = 0;' >> web/page.ts");
      await enter("simmer why check --cwd web");
      await screen.until(/page\.ts \S+[^]*\$$/);
      await enter("simmer run -r -j 4 build test");
      await screen.until(/ 3 s [^]*simmer: 2\/\d+ done/);
    },
  },
  {
    name: "terminal-view",
    label: "The view of a build: output above, running tasks below",
    rows: 20,
    act: async ({ screen, enter }) => {
      await enter("simmer run -r -j 4 build test");
      await screen.until(/ 2 s [^]*simmer: 2\/\d+ done/);
    },
  },
  {
    name: "terminal-failure",
    label: "The report of a failed task: its exit code, its last lines and its log",
    rows: 24,
    act: async ({ screen, enter, release }) => {
      await release();
      await enter("simmer run -r -j 1 test build");
      await screen.until(/simmer: [^]*\$$/);
    },
  },
  {
    name: "terminal-ui",
    label: "The full view: tasks at the left, the output of one task at the right",
    rows: 11,
    act: async ({ screen, enter }) => {
      await enter("simmer run -r -j 4 --detach build test");
      await screen.until(/\$ [^]*\$$/);
      await enter("clear; simmer ui");
      await screen.until(/2\/\d+ done/);
      const rows = screen.text.split("\n");
      const moves = rows.findIndex((row) => row.includes("api#test")) -
        rows.findIndex((row) => row.startsWith("›"));
      await screen.type((moves < 0 ? "k" : "j").repeat(Math.abs(moves)));
      await screen.until(/running, 2 s[^]*running 31 tests/);
    },
  },
];

async function main(): Promise<void> {
  for (const scene of SCENES) await take(scene);
}

/** Takes one picture. */
async function take({ name, label, rows, act }: Scene): Promise<void> {
  await using project = await Project.create(FILES);
  await project.write("bin/simmer", `#!/bin/sh\nexec ${SIMMER.join(" ")} "$@"\n`);
  await project.write("rc", "PS1='\\[\\033[90m\\]$\\[\\033[0m\\] '\n");
  for (const program of Object.keys(PROGRAMS)) {
    await project.write(`bin/${program}`, programOf(program, project.root));
  }
  for await (const program of Deno.readDir(`${project.root}/bin`)) {
    await Deno.chmod(`${project.root}/bin/${program.name}`, 0o755);
  }
  const env = {
    PATH: `${project.root}/bin:${Deno.env.get("PATH")}`,
    NO_COLOR: "",
    INPUTRC: "/dev/null",
    LC_ALL: "C.UTF-8",
  };
  const options: ScreenOptions = { columns: COLUMNS, rows, env };
  await using screen = Screen.start(project, ["bash", "--rcfile", "rc", "-i"], options);
  await screen.until(/^\$$/);
  await act({
    screen,
    enter: async (command) => await screen.type(`${command}${KEYS.enter}`),
    release: async () => await project.write("go", ""),
    hold: async () => await Deno.remove(`${project.root}/go`),
  });
  const lines = screen.lines.map((line) => line.map((run) => withShortPath(run, project.root)));
  while (lines.at(-1)?.every(({ text }) => text.trim() === "") === true) lines.pop();
  const svg = drawTerminal({ label, columns: COLUMNS, lines });
  await Deno.writeTextFile(new URL(`${name}.svg`, FOLDER), svg);
  await project.write("go", "");
}

/** Names the project's folder as a person would. Longer paths are at the end of lines. */
function withShortPath(run: Run, root: string): Run {
  if (!run.text.includes(root)) return run;
  const text = run.text.replace(root, "~/shop");
  return { ...run, text, columns: text.length };
}

if (import.meta.main) await main();
