/**
 * Random npm workspaces with a `turbo.json` are given to Turborepo and to simmer: the same tasks
 * must run, the same must be restored, and the exit codes must be equal.
 *
 * Deliberate differences, which the projects avoid:
 *
 * - simmer removes outputs of other results when it restores one. All results of a task therefore
 *   have files of the same names here.
 * - simmer determines the inputs of a task when it starts, and Turborepo before the first task.
 *   Outputs are therefore ignored by git here.
 * - A glob that excludes a folder also excludes what is in it, as Turborepo's documentation says.
 *   Its program does not do so beside `$TURBO_DEFAULT$`.
 * - simmer does not store the result of a task if a file was made during its run where inputs could
 *   be, as in a folder that `**` reaches. All files that the tasks write therefore exist before, in
 *   folders that the inputs do not reach.
 * - simmer counts the digests in a lockfile, and Turborepo only the versions. Both change here.
 * - Which other tasks still run after a failure depends on the scheduler. Only exit codes are
 *   compared then.
 */

import { assertEquals } from "@std/assert";
import { peerFile, say } from "./npm_peer.ts";
import { Copy, Dice, type Edits, type Effects, PEER_MS, SimmerCopy } from "./peer_world.ts";

const VERSION = "2.11.11";
const TURBO = await peerFile("turbo", VERSION, "bin/turbo");
const HAS_GIT = new Deno.Command("git", { args: ["--version"] }).outputSync().success;

const TASKS = ["build", "test", "lint"] as const;

/** A random project. */
interface Project {
  readonly files: Edits;
  readonly packages: readonly string[];
  readonly turbo: TurboJson;
  readonly outputs: readonly string[];
}

interface TurboJson {
  readonly globalDependencies?: readonly string[];
  readonly globalEnv?: readonly string[];
  readonly tasks: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

function randomProject(dice: Dice): Project {
  const packages = Array.from({ length: 2 + dice.roll(3) }, (_, at) => `p${at}`);
  const tasks: Record<string, Record<string, unknown>> = {};
  for (const task of TASKS) tasks[task] = randomTask(dice, task, packages);
  if (dice.hits(3)) {
    const name = `${dice.pick(["p0", "p1"])}#${dice.pick(TASKS)}`;
    tasks[name] = randomTask(dice, name.slice(3), packages);
  }
  const files: Record<string, string> = {
    ".gitignore": "node_modules\n.turbo\nout-*\n*.log\n",
    "package.json": JSON.stringify({
      name: "root",
      packageManager: "npm@10.8.2",
      workspaces: ["packages/*"],
    }),
    "global.txt": "1",
    "turbo.json": "",
  };
  const lock: Record<string, unknown> = {
    "": { name: "root", workspaces: ["packages/*"] },
    "node_modules/x": { version: "1.0.0", integrity: "sha512-x0", resolved: "https://x/x-1.tgz" },
    "node_modules/y": { version: "1.0.0", integrity: "sha512-y0", resolved: "https://x/y-1.tgz" },
  };
  packages.forEach((name, at) => {
    const dependencies: Record<string, string> = {};
    for (const other of packages.slice(0, at)) if (dice.hits(2)) dependencies[other] = "*";
    if (dice.hits(3)) dependencies[dice.pick(["x", "y"])] = "^1.0.0";
    const scripts: Record<string, string> = {};
    for (const task of TASKS) {
      files[`packages/${name}/out-${task}/result`] = "";
      if (dice.hits(5)) continue;
      scripts[task] = `sh ./${task}.sh`;
      files[`packages/${name}/${task}.sh`] = scriptText(name, task);
    }
    files[`packages/${name}/package.json`] = JSON.stringify({
      name,
      version: "1.0.0",
      scripts,
      dependencies,
    });
    files[`packages/${name}/src/in.ts`] = "1";
    files[`packages/${name}/README.md`] = "1";
    lock[`node_modules/${name}`] = { resolved: `packages/${name}`, link: true };
    lock[`packages/${name}`] = { version: "1.0.0", dependencies };
  });
  files["package-lock.json"] = lockText(lock);
  const turbo: TurboJson = {
    ...(dice.hits(2) ? { globalDependencies: ["global.txt"] } : {}),
    ...(dice.hits(3) ? { globalEnv: ["GLOBAL"] } : {}),
    tasks,
  };
  files["turbo.json"] = JSON.stringify(turbo);
  const outputs = packages.flatMap((name) =>
    TASKS.map((task) => `packages/${name}/out-${task}/result`)
  );
  return { files, packages, turbo, outputs };
}

function lockText(packages: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ name: "root", lockfileVersion: 3, requires: true, packages }, null, 2);
}

/** A script that records that it ran, and writes what it sees. It fails if there is a file `fail`. */
function scriptText(name: string, task: string): string {
  return `echo "${name}#${task}" >> "@LOG@"
echo "$(cat src/in.ts) $MODE $GLOBAL $PASSED $OTHER" > out-${task}/result
if [ -e fail ]; then exit 3; fi
`;
}

function randomTask(
  dice: Dice,
  task: string,
  packages: readonly string[],
): Record<string, unknown> {
  const dependsOn = [
    ...(dice.hits(2)
      ? [`^${dice.pick(TASKS.slice(0, TASKS.indexOf(task as "build") + 1) as ["build"])}`]
      : []),
    ...(task !== "build" && dice.hits(2) ? ["build"] : []),
    ...(task === "lint" && dice.hits(4) ? [`${packages[0]}#build`] : []),
  ];
  const inputs = dice.pick<readonly string[] | undefined>([
    undefined,
    undefined,
    ["src/**"],
    ["src/*.ts", "*.sh"],
    ["$TURBO_DEFAULT$", "!README.md"],
    ["$TURBO_DEFAULT$", "$TURBO_ROOT$/global.txt"],
    ["{src,new}/**", "*.{ts,sh}", "x.log"],
  ]);
  return {
    ...(dependsOn.length === 0 ? {} : { dependsOn }),
    ...(inputs === undefined ? {} : { inputs }),
    ...(dice.hits(4) ? {} : { outputs: [`out-${task}/**`] }),
    ...(dice.hits(3) ? { env: dice.pick([["MODE"], ["MO*"], ["MODE", "!MODE"]]) } : {}),
    ...(dice.hits(4) ? { passThroughEnv: ["PASSED"] } : {}),
    ...(dice.hits(6) ? { cache: false } : {}),
  };
}

/** A step: edits, or other variables. */
interface Step {
  readonly name: string;
  readonly edits: Edits;
  readonly env: Readonly<Record<string, string>>;
}

function randomStep(dice: Dice, { packages, files, turbo, outputs }: Project): Step {
  const folder = `packages/${packages[dice.roll(packages.length)]}`;
  const edits = dice.pick<Edits>([
    {},
    { [`${folder}/src/in.ts`]: String(dice.roll(3)) },
    { [`${folder}/src/in.ts`]: String(dice.roll(3)) },
    { [`${folder}/README.md`]: String(dice.roll(3)) },
    { [`${folder}/x.log`]: String(dice.roll(3)) },
    { [`${folder}/new/.hidden`]: String(dice.roll(3)) },
    { "global.txt": String(dice.roll(3)) },
    { "unrelated.txt": String(dice.roll(3)) },
    { [outputs[dice.roll(outputs.length)] ?? ""]: "damaged" },
    { [`${folder}/fail`]: "" },
    { "package-lock.json": upgraded(files["package-lock.json"], "x", dice.roll(3)) },
    { "package-lock.json": upgraded(files["package-lock.json"], "y", dice.roll(3)) },
    {
      "turbo.json": JSON.stringify({
        ...turbo,
        tasks: { ...turbo.tasks, test: { ...turbo.tasks.test, env: ["MODE", `M${dice.roll(2)}`] } },
      }),
    },
    {
      [`${folder}/turbo.json`]: JSON.stringify({
        extends: ["//"],
        tasks: { [dice.pick(TASKS)]: { inputs: ["src/**"] } },
      }),
    },
  ]);
  const env = Object.fromEntries(
    ["MODE", "GLOBAL", "PASSED", "OTHER"].flatMap((name) =>
      dice.hits(4) ? [[name, String(dice.roll(2))]] : []
    ),
  );
  return { name: JSON.stringify([edits, env]), edits, env };
}

function upgraded(text: string | null | undefined, name: string, patch: number): string {
  const lock = JSON.parse(text ?? "{}");
  const entry = { version: `1.0.${patch}`, integrity: `sha512-${name}${patch}` };
  Object.assign(lock.packages[`node_modules/${name}`], entry);
  return JSON.stringify(lock, null, 2);
}

/** The copy that Turborepo runs. */
class TurboCopy extends Copy {
  readonly #program: string;
  readonly #tools: string;

  constructor(program: string) {
    super();
    this.#program = program;
    this.#tools = Deno.makeTempDirSync();
    // Turborepo starts each script through npm. Its start would take most of the time.
    const npm = `#!/bin/sh\n[ "$1" = run ] && exec sh "./$2.sh"\necho 10.8.2\n`;
    Deno.writeTextFileSync(`${this.#tools}/npm`, npm, { mode: 0o755 });
  }

  init(): void {
    for (const args of [["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "x"]]) {
      const identity = ["-c", "user.name=x", "-c", "user.email=x@x"];
      new Deno.Command("git", { args: [...identity, ...args], cwd: this.root }).outputSync();
    }
  }

  async run(step: Step, outputs: readonly string[]): Promise<Effects & { readonly text: string }> {
    const { code, stdout, stderr } = await new Deno.Command(this.#program, {
      args: ["run", ...TASKS, "--output-logs=none", "--no-update-notifier", "--concurrency=4"],
      cwd: this.root,
      clearEnv: true,
      env: {
        PATH: `${this.#tools}:${Deno.env.get("PATH")}`,
        HOME: this.#tools,
        TURBO_TELEMETRY_DISABLED: "1",
        ...step.env,
      },
    }).output();
    const decoder = new TextDecoder();
    const text = decoder.decode(stdout) + decoder.decode(stderr);
    return { ...this.effects(code, outputs), text };
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    await Deno.remove(this.#tools, { recursive: true });
  }
}

/** Returns the number of runs that were compared. */
async function compare(seed: number, program: string): Promise<number> {
  const dice = new Dice(seed);
  const project = randomProject(dice);
  await using theirs = new TurboCopy(program);
  await using ours = new SimmerCopy();
  for (const copy of [theirs, ours]) copy.edit(project.files);
  theirs.init();
  ours.edit({ ".git/HEAD": "" });
  const history: string[] = [];
  let step: Step = { name: "first", edits: {}, env: {} };
  let count = 0;
  for (let at = 0; at < 6; at++) {
    history.push(step.name);
    for (const copy of [theirs, ours]) copy.edit(step.edits);
    const expected = await theirs.run(step, project.outputs);
    const env = { PATH: Deno.env.get("PATH") ?? "", HOME: "/nowhere", ...step.env };
    const found = await ours.run(TASKS, { env, outputs: project.outputs, recursive: true });
    const about = `seed ${seed}: ${JSON.stringify(project.turbo)}\n${history.join("\n")}\n` +
      `${
        project.packages.map((name) => project.files[`packages/${name}/package.json`]).join("\n")
      }\n` +
      `${expected.text}\n${found.message}`;
    assertEquals(found.exitCode, expected.exitCode, about);
    if (expected.exitCode === 0) {
      assertEquals([found.ran, found.outputs], [expected.ran, expected.outputs], about);
    } else {
      const fixed = Object.fromEntries(
        project.packages.map((name) => [`packages/${name}/fail`, null]),
      );
      for (const copy of [theirs, ours]) copy.edit(fixed);
      return count;
    }
    count++;
    step = randomStep(dice, project);
  }
  return count;
}

Deno.test({
  name: `turbo.json: random workspaces run as with Turborepo ${VERSION}`,
  ignore: TURBO === undefined || !HAS_GIT,
  async fn(): Promise<void> {
    if (TURBO === undefined) return;
    const end = Date.now() + PEER_MS;
    const first = Number(Deno.env.get("SIMMER_PEER_SEED") ?? 1);
    const most = Number(Deno.env.get("SIMMER_PEER_PROJECTS") ?? 10_000);
    let [projects, runs] = [0, 0];
    for (let seed = first; Date.now() < end && projects < most; seed++, projects++) {
      runs += await compare(seed, TURBO);
    }
    say(`Turborepo ${VERSION}: ${projects} projects, ${runs} runs compared`);
  },
});
