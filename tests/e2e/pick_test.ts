/** `simmer run` without names, in a terminal and elsewhere. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { shellLine } from "./interactive_shell.ts";
import { KEYS, Screen, type ScreenOptions } from "./screen.ts";
import { Project, SIMMER } from "./support.ts";

const IGNORED = Deno.build.os !== "linux";

const FILES = {
  "deno.json": {
    tasks: {
      build: { command: "echo built", description: "compiles" },
      test: "echo tested",
      ask: "bash -c 'read -p \"name? \" x; echo hello $x'",
    },
  },
};

const LIST = [
  "Task to run:",
  ">   build  compiles",
  "    test   echo tested",
  "    ask    bash -c 'read -p \"name? \" x; echo hello $x'",
  "  3 of 3; Enter runs, Tab marks several, Esc cancels",
].join("\n");

function start(project: Project, options: ScreenOptions = {}): Screen {
  // The shell writes below the end, and shows the terminal's modes.
  const line = `stty -g > before; echo above; ${shellLine([...SIMMER, "run"])}; echo code $?; ` +
    "stty -g > after";
  return Screen.start(project, ["bash", "-c", `trap : INT; ${line}`], options);
}

/** Resolves with the screen at the end. The terminal must have its modes again. */
async function ended(project: Project, screen: Screen): Promise<string> {
  await screen.finished();
  assertEquals(await project.read("after"), await project.read("before"));
  return screen.text;
}

Deno.test({
  name: "in a terminal, a person filters, moves, and runs a task, which has the keyboard (Linux)",
  ignore: IGNORED,
  fn: async () => {
    await using project = await Project.create(FILES);
    await project.run(["run", "test"]);
    await using screen = start(project);
    await screen.until(LIST);
    assertEquals(screen.text, `above\n${LIST}`);
    assertEquals(screen.cursor, { x: "Task to run: ".length, y: 1 });
    await screen.type(KEYS.down);
    await screen.until(/^> {3}test/m);
    await screen.type("a");
    await screen.until(/^Task to run: a\n> {3}ask .*\n.*1 of 3/m);
    assertEquals(screen.cursor, { x: "Task to run: a".length, y: 1 });
    await screen.type(KEYS.enter);
    await screen.until(/name\?$/);
    await screen.type("x\r");
    assertMatch(
      await ended(project, screen),
      /^above\nTask ask .*\nname\? x\nhello x\nsimmer: 1 task run in .*\ncode 0$/,
    );
  },
});

Deno.test({
  name: "several tasks are marked by Tab, in a window of any size (Linux)",
  ignore: IGNORED,
  fn: async () => {
    await using project = await Project.create(FILES);
    await using screen = start(project, { columns: 20, rows: 5, env: { TERM_PROGRAM: "vscode" } });
    await screen.until(/> {3}build {2}compiles\n {4}test {3}echo te…\n {2}3 of 3; Enter ru…$/);
    await screen.resize(60, 12);
    await screen.until(LIST.split("\n").at(-1) ?? "");
    assertEquals(screen.text.split("\n").slice(0, 4), `above\n${LIST}`.split("\n").slice(0, 4));
    await screen.resize(20, 12);
    await screen.until(/3 of 3; Enter ru…$/);
    assertEquals(screen.text.split("\n").length, 6, screen.text);
    await screen.type(KEYS.tab);
    await screen.until(/^ {2}\* build {2}compiles\n>/m);
    await screen.type(`${KEYS.tab}${KEYS.enter}`);
    const text = await ended(project, screen);
    assertStringIncludes(text, "built\n");
    assertStringIncludes(text, "tested\n");
    assertStringIncludes(text, "code 0");
  },
});

Deno.test({
  name: "Esc, Ctrl-C, a signal and Ctrl-Z leave the terminal as it was (Linux)",
  ignore: IGNORED,
  fn: async () => {
    await using project = await Project.create(FILES);
    for (const keys of [KEYS.escape, KEYS.interrupt]) {
      await using screen = start(project);
      await screen.until(LIST);
      await screen.type(keys);
      assertEquals(await ended(project, screen), "above\ncode 130");
    }
    await using signalled = Screen.start(project, [
      "bash",
      "-c",
      [
        "stty -g > before",
        `{ until test -e go; do sleep 0.05; done; kill -TERM $$; } & exec ${
          shellLine([...SIMMER, "run"])
        }`,
      ].join("; "),
    ]);
    await signalled.until(LIST);
    await project.write("go", "");
    assertEquals(await signalled.finished(), 143);
    assertEquals(signalled.text, "");
    await using shell = Screen.start(project, ["bash", "--norc", "--noediting", "-i"], {
      env: { PS1: "# " },
    });
    await shell.until("#");
    await shell.type(`clear; stty -g > before; ${shellLine([...SIMMER, "run"])}\n`);
    await shell.until(LIST);
    await shell.type(KEYS.suspend);
    await shell.until(/Stopped[^#]*#$/);
    assertEquals(shell.text.includes("Task to run"), false);
    await shell.type("stty -g > after; fg\n");
    await shell.until((text) => text.endsWith(LIST));
    await shell.type(`ui${KEYS.enter}`);
    await shell.until(/built\nsimmer: 1 task run in .*\n.*#$/);
    await shell.type("exit\n");
    assertEquals(await project.read("after"), await project.read("before"));
  },
});

Deno.test({
  name: "a closed terminal ends the choice, and without a terminal the tasks are listed (Linux)",
  ignore: IGNORED,
  fn: async () => {
    await using project = await Project.create(FILES);
    await using screen = start(project);
    await screen.until(LIST);
    await screen.hangUp();
    await screen.finished();
    const listed = (await project.run(["run"])).stdout;
    assertMatch(listed, /^Available tasks:\n- build\n/);
    const calls: [string, Record<string, string>][] = [
      [`${shellLine([...SIMMER, "run"])} | cat`, {}],
      [shellLine([...SIMMER, "run"]), { TERM: "dumb" }],
    ];
    for (const [line, env] of calls) {
      await using other = Screen.start(project, ["bash", "-c", line], { env });
      assertEquals(await other.finished(), 0);
      assertEquals(other.text, listed.trimEnd(), line);
    }
  },
});
