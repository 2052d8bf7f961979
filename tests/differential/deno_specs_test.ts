/**
 * Runs Deno's own specs for tasks with simmer instead of `deno task`. Each step must give the same
 * stdout and exit code. `DENO_SPECS_DIR` names a checkout of Deno's repository.
 */

import { assert, assertEquals } from "@std/assert";
import { copy } from "@std/fs";
import { matchesPattern, readSpecs, type Spec, type SpecStep } from "./deno_specs.ts";

const CHECKOUT = Deno.env.get("DENO_SPECS_DIR");
const MAIN = new URL("../../main.ts", import.meta.url).pathname;

/** The minimum number of equal steps, among those that run a task. */
const LEAST = 145;

const PROJECT = "what is wrong with a project is exit code 5";
const USAGE = "a wrong command line is exit code 2";

/** Steps whose exit code differs on purpose. Their stdout is still compared. */
const ON_PURPOSE: Readonly<Record<string, { readonly code: number; readonly reason: string }>> = {
  "dependencies/cross_package": { code: 5, reason: PROJECT },
  "dependencies/cycle": { code: 5, reason: PROJECT },
  "dependencies/cycle_2": { code: 5, reason: PROJECT },
  "eval/no_arg": { code: 2, reason: USAGE },
  "filter/deno_root_not_matched_by_dir": {
    code: 5,
    reason: "a filter that matches no task is an error",
  },
  "members/members_conflicts_with_recursive": { code: 2, reason: USAGE },
  "non_existent": { code: 5, reason: PROJECT },
  "post_only": { code: 5, reason: PROJECT },
  "pre_only": { code: 5, reason: PROJECT },
  "workspace_concurrency/invalid_zero": { code: 2, reason: USAGE },
};

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const BASE_ENV: Readonly<Record<string, string>> = {
  PATH: `${Deno.execPath().replace(/\/[^/]*$/, "")}:${Deno.env.get("PATH") ?? ""}`,
  HOME: Deno.env.get("HOME") ?? "/",
  NO_COLOR: "1",
  DENO_NO_UPDATE_CHECK: "1",
};

/** An unreachable registry. The specs' packages are in Deno's test registry, which is not started. */
const NPM_CONFIG = "registry=http://127.0.0.1:9/\nfetch-retries=0\n";

async function run(
  words: readonly string[],
  { cwd, env }: SpecStep,
  folder: string,
): Promise<Outcome> {
  const [program = "", ...args] = words;
  // simmer's own modules are in the user's `DENO_DIR`.
  const isSimmer = words.includes(MAIN);
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args,
    cwd: `${folder}/files/${cwd}`,
    clearEnv: true,
    env: {
      ...BASE_ENV,
      ...(isSimmer ? {} : { DENO_DIR: `${folder}/deno_dir` }),
      SIMMER_CACHE_DIR: `${folder}/cache`,
      ...env,
    },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array): string =>
    new TextDecoder().decode(bytes).replaceAll(folder, "~");
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** Options of `deno task` whose value is the next word. */
const WITH_VALUE = /^(--config|-c|--cwd|--filter|-f|--jobs|-j|--concurrency)$/;

/** Translates words of `deno task` for simmer, which needs `--` before a task's own arguments. */
function simmerWords([, ...args]: readonly string[]): string[] {
  let end = 0;
  while (args[end]?.startsWith("-") === true) end += WITH_VALUE.test(args[end] ?? "") ? 2 : 1;
  const [options, [task, ...rest]] = [args.slice(0, end), args.slice(end)];
  return [
    "run",
    "--no-server",
    "--scripts=deno",
    ...options,
    ...(task === undefined ? [] : [task]),
    ...(rest.length === 0 ? [] : ["--", ...rest]),
  ];
}

/** Returns stdout, with sorted lines if tasks ran in parallel, because their order varies. */
function comparable({ stdout }: Outcome, { output }: SpecStep): string {
  const isUnordered = output.includes("[UNORDERED_START]") || /^ *\[\S+\] /m.test(stdout);
  return isUnordered ? stdout.split("\n").sort().join("\n") : stdout;
}

interface Tally {
  same: number;
  /** Steps among `same` whose exit code differs on purpose. */
  meant: number;
  tasks: number;
  /** Steps whose stdout was also compared with the spec's own pattern. */
  patterns: number;
  readonly different: string[];
}

async function runSpec(spec: Spec, tally: Tally): Promise<void> {
  const base = await Deno.realPath(await Deno.makeTempDir());
  const [theirs, ours] = [`${base}/1`, `${base}/2`];
  for (const folder of [theirs, ours]) {
    await Deno.mkdir(folder);
    await copy(spec.folder, `${folder}/files`);
    await Deno.writeTextFile(`${folder}/files/.npmrc`, NPM_CONFIG);
  }
  for (const [index, step] of spec.steps.entries()) {
    const { program, args } = step;
    const words = [program === "deno" ? Deno.execPath() : program, ...args];
    // Programs of packages cannot be installed without Deno's test registry.
    if (program.startsWith("./node_modules/")) continue;
    if (program !== "deno" || args[0] !== "task") {
      for (const folder of [theirs, ours]) await run(words, step, folder);
      continue;
    }
    tally.tasks++;
    const name = spec.steps.length === 1 ? spec.name : `${spec.name} step ${index + 1}`;
    const [expected, actual] = await Promise.all([
      run(words, step, theirs),
      run([Deno.execPath(), "run", "-A", MAIN, ...simmerWords(args)], step, ours),
    ]);
    const isQuiet = expected.stderr === "" && matchesPattern(expected.stdout, step.output);
    if (isQuiet) tally.patterns++;
    const meant = ON_PURPOSE[name];
    const isSame = actual.code === (meant?.code ?? expected.code) &&
      comparable(actual, step) === comparable(expected, step) &&
      (!isQuiet || matchesPattern(actual.stdout, step.output));
    if (isSame) {
      tally.same++;
      if (meant !== undefined) tally.meant++;
    } else {
      const shown = { args: simmerWords(args).join(" "), ours: actual, theirs: expected };
      tally.different.push(`${name}: ${JSON.stringify(shown, null, 2)}`);
    }
  }
  await Deno.remove(base, { recursive: true });
}

Deno.test({
  name: CHECKOUT === undefined
    ? "Deno's own specs for tasks give the same stdout and exit code (skipped: DENO_SPECS_DIR names no checkout of Deno)"
    : "Deno's own specs for tasks give the same stdout and exit code",
  ignore: CHECKOUT === undefined,
  fn: async () => {
    const only = Deno.env.get("DENO_SPECS_ONLY") ?? "";
    const specs = readSpecs(`${CHECKOUT}/tests/specs/task`).filter(({ name }) =>
      name.includes(only)
    );
    const tally: Tally = { same: 0, meant: 0, tasks: 0, patterns: 0, different: [] };
    const todo = [...specs];
    const work = async (): Promise<void> => {
      for (let spec = todo.shift(); spec !== undefined; spec = todo.shift()) {
        await runSpec(spec, tally);
      }
    };
    await Promise.all([work(), work(), work()]);
    const { same, meant, tasks, patterns, different } = tally;
    const counts = `${same} of ${tasks} steps are the same: ${meant} but for an exit code that ` +
      `differs on purpose, ${patterns} also by Deno's own patterns`;
    await Deno.stderr.write(
      new TextEncoder().encode(`${[...different.sort(), counts].join("\n")}\n`),
    );
    if (only !== "") return;
    assertEquals(same + different.length, tasks);
    assert(same >= LEAST, counts);
  },
});
