/** Generates random projects, and changes of them between runs. */

import fc from "fast-check";

/** A task of a project. */
export interface ModelTask {
  readonly name: string;
  /** Names of earlier tasks. */
  readonly dependencies: readonly string[];
  /** Its `files`: none, its own input, all inputs, or its own input and a dependency's output. */
  readonly files: "none" | "own" | "all" | "outputs";
  /** True if its output is declared. */
  readonly output: "none" | "file" | "glob";
  readonly env: boolean;
  /** Its exit code; 0 if it succeeds. */
  readonly fails: number;
}

/** A project. */
export interface ModelProject {
  readonly tasks: readonly ModelTask[];
}

/** A change before a run. */
export type ModelStep =
  | { readonly kind: "nothing" }
  | { readonly kind: "edit"; readonly task: number; readonly text: string }
  | { readonly kind: "touch"; readonly task: number }
  | { readonly kind: "delete"; readonly task: number }
  | { readonly kind: "spoil"; readonly task: number }
  | { readonly kind: "env"; readonly value: string }
  | { readonly kind: "mend"; readonly task: number }
  | { readonly kind: "undeclare"; readonly task: number }
  | { readonly kind: "restart" };

/** A run, and the changes before it. */
export interface ModelRun {
  readonly steps: readonly ModelStep[];
  /** The index of the requested task, or a wildcard for all tasks. */
  readonly target: number | "wildcard";
  readonly args: readonly string[];
  readonly jobs: number;
}

/** A project and its runs. */
export interface ModelStory {
  readonly project: ModelProject;
  readonly runs: readonly ModelRun[];
}

const index = fc.nat({ max: 5 });

const step: fc.Arbitrary<ModelStep> = fc.oneof(
  fc.record({ kind: fc.constant("nothing" as const) }),
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("edit" as const),
      task: index,
      text: fc.constantFrom("x", "y", "zz"),
    }),
  },
  fc.record({ kind: fc.constant("touch" as const), task: index }),
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("delete" as const), task: index }) },
  fc.record({ kind: fc.constant("spoil" as const), task: index }),
  fc.record({ kind: fc.constant("env" as const), value: fc.constantFrom("", "1", "2") }),
  fc.record({ kind: fc.constant("mend" as const), task: index }),
  fc.record({ kind: fc.constant("undeclare" as const), task: index }),
  fc.record({ kind: fc.constant("restart" as const) }),
);

const tasks: fc.Arbitrary<readonly ModelTask[]> = fc.array(
  fc.record({
    before: fc.uniqueArray(index, { maxLength: 2 }),
    files: fc.constantFrom(
      "none" as const,
      "own" as const,
      "own" as const,
      "all" as const,
      "outputs" as const,
    ),
    output: fc.constantFrom("none" as const, "file" as const, "glob" as const),
    env: fc.boolean(),
    fails: fc.constantFrom(0, 0, 0, 0, 0, 0, 3),
  }),
  { minLength: 1, maxLength: 5 },
).map((rows) =>
  rows.map(({ before, ...row }, at) => ({
    ...row,
    name: `t${at}`,
    dependencies: before.filter((each) => each < at).map((each) => `t${each}`),
  }))
);

/** Generates stories of random projects. */
export const stories: fc.Arbitrary<ModelStory> = fc.record({
  project: fc.record({ tasks }),
  runs: fc.array(
    fc.record({
      steps: fc.array(step, { maxLength: 2 }),
      target: fc.oneof({ weight: 5, arbitrary: index }, fc.constant("wildcard" as const)),
      args: fc.constantFrom([], [], [], ["one"], ["two words"]),
      jobs: fc.constantFrom(1, 1, 2, 4),
    }),
    { minLength: 2, maxLength: 4 },
  ),
});

/** Returns the text of a project's `deno.json`. */
export function configText(tasks: readonly ModelTask[]): string {
  const entries = tasks.map((task): [string, unknown] => [task.name, {
    command: commandOf(task),
    ...(task.dependencies.length === 0 ? {} : { dependencies: task.dependencies }),
    ...(task.files === "none" ? {} : { files: filesOf(task) }),
    ...(task.output === "none"
      ? {}
      : { output: [task.output === "file" ? `out/${task.name}.txt` : `out/${task.name}.*`] }),
    ...(task.env ? { env: ["MODEL"] } : {}),
  }]);
  return JSON.stringify({ tasks: Object.fromEntries(entries) }, null, 2);
}

function filesOf({ name, files, dependencies }: ModelTask): string[] {
  if (files === "all") return ["src/*.txt"];
  const own = `src/${name}.txt`;
  return files === "own" ? [own] : [own, ...dependencies.map((each) => `out/${each}.txt`)];
}

/** Returns a command that records its run, and concatenates its input and dependencies' outputs. */
function commandOf({ name, dependencies, fails, env }: ModelTask): string {
  const inputs = [`src/${name}.txt`, ...dependencies.map((each) => `out/${each}.txt`)].join(" ");
  // An undeclared variable must not affect the output, or results could not be compared.
  const variable = env ? ` && echo $MODEL >> out/${name}.txt` : "";
  const work = `echo > ran/${name} && cat ${inputs} > out/${name}.txt${variable}`;
  return fails === 0 ? `${work} && echo` : `${work} && exit ${fails}; echo`;
}
