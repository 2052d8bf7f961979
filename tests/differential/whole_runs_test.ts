/**
 * Runs random workspaces with `deno task` and with simmer, and compares stdout and exit codes: from the
 * root and from members, with stdin from a pipe, a file and `/dev/null`, with and without env files.
 * Signals have their own test, `tests/e2e/signals_test.ts`.
 */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { Project, SIMMER } from "../e2e/support.ts";

/** The number of runs. */
const RUNS = Number(Deno.env.get("SIMMER_DIFFERENTIAL") ?? "20");

const FAILING = "echo no >&2 && exit 3";

/** Commands of tasks. */
const COMMANDS = [
  "echo $A $B ${NAME}",
  "cat marker.txt",
  "cat",
  "cat | sort",
  "sh -c 'read line; echo got $line'",
  FAILING,
] as const;

interface Task {
  readonly command: typeof COMMANDS[number];
  /** Names of earlier tasks of the same folder. */
  readonly dependencies: readonly string[];
}

interface Folder {
  readonly tasks: readonly Task[];
  /** Indices of earlier members that it imports. */
  readonly imports: readonly number[];
}

interface Story {
  /** The root, then the members. */
  readonly folders: readonly Folder[];
  readonly target: number;
  /** The index of the folder in which it is run. */
  readonly from: number;
  readonly selection: "none" | "recursive" | "filter";
  readonly stdin: "pipe" | "file" | "null";
  readonly envFile: boolean;
}

const small = fc.nat({ max: 2 });

const folder: fc.Arbitrary<Folder> = fc.record({
  tasks: fc.array(
    fc.record({ command: fc.constantFrom(...COMMANDS), before: fc.uniqueArray(small) }),
    { minLength: 1, maxLength: 3 },
  ).map((rows) =>
    rows.map(({ command, before }, at) => ({
      command,
      dependencies: before.filter((each) => each < at).map((each) => `t${each}`),
    }))
  ),
  imports: fc.uniqueArray(small),
});

const stories: fc.Arbitrary<Story> = fc.record({
  folders: fc.array(folder, { minLength: 1, maxLength: 4 }),
  target: small,
  from: fc.nat({ max: 3 }),
  selection: fc.constantFrom("none", "recursive", "filter"),
  stdin: fc.constantFrom("pipe", "file", "null"),
  envFile: fc.boolean(),
}).map(withoutChance);

/**
 * Removes stdin and failures from workspace runs: members that do not import each other run in another
 * order under `deno task`, which decides which task reads first, and which ones run at all.
 */
function withoutChance(story: Story): Story {
  if (story.selection === "none") return story;
  const folders = story.folders.map(({ tasks, imports }) => ({
    tasks: tasks.map((task) => task.command === FAILING ? { ...task, command: COMMANDS[0] } : task),
    imports,
  }));
  return { ...story, folders, stdin: "null" };
}

function filesOf({ folders }: Story): Record<string, unknown> {
  const files: Record<string, unknown> = { ".env": "A=one\nB=${A}two\n", "in.txt": "1\n2\n3\n" };
  folders.forEach(({ tasks, imports }, index) => {
    const place = index === 0 ? "" : `m${index}/`;
    const name = `@m/m${index}`;
    files[`${place}marker.txt`] = `marker of ${name}\n`;
    files[`${place}deno.json`] = {
      ...(index === 0 ? { workspace: folders.slice(1).map((_, at) => `./m${at + 1}`) } : {
        name,
        version: "1.0.0",
        exports: "./mod.ts",
        imports: Object.fromEntries(
          imports.filter((each) => each > 0 && each < index)
            .map((each) => [`@m/m${each}`, `jsr:@m/m${each}@1`]),
        ),
      }),
      tasks: Object.fromEntries(
        tasks.map((task, at) => [`t${at}`, {
          ...task,
          command: task.command.replace("${NAME}", `${name}.t${at}`),
        }]),
      ),
    };
  });
  return files;
}

const NO_MATCH = 5;

const PROGRAMS = {
  deno: [Deno.execPath(), "task", "-q"],
  simmer: [...SIMMER, "run", "-q"],
} as const;

/** The observable result of a run. */
interface Outcome {
  readonly code: number;
  readonly lines: readonly string[];
}

async function outcomeOf(
  project: Project,
  program: readonly string[],
  { from, folders, target, selection, stdin, envFile }: Story,
): Promise<Outcome> {
  const at = from % folders.length;
  const place = at === 0 ? "." : `m${at}`;
  const words = [
    ...program,
    ...(selection === "recursive" ? ["-r"] : selection === "filter" ? ["--filter", "m*"] : []),
    ...(envFile ? [`--env-file=${project.root}/.env`] : []),
    "-j1",
    `t${target}`,
  ];
  const run = `(cd ${place} && exec "$@")`;
  const line = {
    pipe: `cat in.txt | ${run}`,
    file: `${run} < in.txt`,
    null: `${run} < /dev/null`,
  }[stdin];
  const script = `cd "$0" && ${line}`;
  const { code, stdout } = await project.runProgram(["sh", "-c", script, project.root, ...words]);
  const lines = stdout.split("\n");
  return { code, lines: selection === "none" ? lines : lines.sort() };
}

Deno.test("random workspaces have the same stdout and exit code as with deno task", async () => {
  const property = fc.asyncProperty(stories, async (story) => {
    await using project = await Project.create(filesOf(story));
    const expected = await outcomeOf(project, PROGRAMS.deno, story);
    const actual = await outcomeOf(project, PROGRAMS.simmer, story);
    // simmer has its own exit code if no task or folder matches.
    const hasNoMatch = actual.code === NO_MATCH && actual.lines.join("") === "";
    assertEquals(
      hasNoMatch ? { ...actual, code: expected.code } : actual,
      expected,
      JSON.stringify([story, filesOf(story)], null, 1),
    );
  });
  await fc.assert(property, { numRuns: RUNS, interruptAfterTimeLimit: 60 * 60 * 1000 });
});
