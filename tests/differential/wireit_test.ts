/**
 * Random packages with `wireit` sections are given to Wireit and to simmer: the same scripts must
 * run, the same outputs must be restored, and the exit codes must be equal.
 *
 * Deliberate differences, which the projects avoid:
 *
 * - Wireit counts lockfiles as a whole, and simmer the part that concerns the package. There is no
 *   lockfile here.
 * - Wireit stores and restores all files that `output` matches, and simmer those that the script has
 *   made. All files that match are made by the script here.
 * - Which other scripts still run after a failure depends on the scheduler. Only exit codes are
 *   compared then: Wireit's is always 1, and simmer's is that of the script.
 */

import { assertEquals } from "@std/assert";
import { peerFile, say } from "./npm_peer.ts";
import { Copy, Dice, type Edits, type Effects, PEER_MS, SimmerCopy } from "./peer_world.ts";

const VERSION = "0.14.13";
const WIREIT = await peerFile("wireit", VERSION, "bin/wireit.js");

/** A random project. The script `all` of the first package depends on all others. */
interface Project {
  readonly packages: readonly string[];
  readonly sections: Readonly<Record<string, Section>>;
  readonly outputs: readonly string[];
}

type Section = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

function randomProject(dice: Dice): Project {
  const packages = ["a", "b"];
  const sections: Record<string, Record<string, Record<string, unknown>>> = { a: {}, b: {} };
  const outputs: string[] = [];
  const names: (readonly [folder: string, script: string])[] = [];
  for (const folder of ["b", "a"]) {
    for (let at = 0; at < 2 + dice.roll(2); at++) {
      const script = `s${at}`;
      const dependencies = names.flatMap(([other, name]) => {
        if (!dice.hits(3)) return [];
        const reference = other === folder ? name : `../${other}:${name}`;
        return [dice.hits(4) ? { script: reference, cascade: false } : reference];
      });
      const file = `out-${script}`;
      const isMade = !dice.hits(4);
      const section: Record<string, unknown> = {
        command: `sh ./${script}.sh`,
        ...(dependencies.length === 0 ? {} : { dependencies }),
        ...(dice.hits(6) ? {} : { files: randomFiles(dice) }),
        ...(isMade ? { output: dice.pick([[file], [`${file}/**`], [`${file}/{x,.y}`]]) } : {}),
        ...(dice.hits(5) ? { output: [] } : {}),
        ...(dice.hits(4) ? { clean: dice.pick<boolean | string>([false, "if-file-deleted"]) } : {}),
        ...(dice.hits(3)
          ? { env: dice.pick<unknown>([{ MODE: { external: true } }, { MODE: "fixed" }]) }
          : {}),
      };
      if (Array.isArray(section.output) && section.output.length > 0) {
        outputs.push(`${folder}/${file}/x`, `${folder}/${file}/.y`);
      }
      names.push([folder, script]);
      const own = sections[folder];
      if (own !== undefined) own[script] = section;
    }
  }
  const all = names.map(([folder, name]) => folder === "a" ? name : `../${folder}:${name}`);
  sections.a = { ...sections.a, all: { dependencies: all } };
  return { packages, sections, outputs };
}

function randomFiles(dice: Dice): readonly string[] {
  return dice.pick<readonly string[]>([
    ["src/**"],
    ["src"],
    ["src/*.ts"],
    ["src", "!src/sub"],
    ["src/**", "!src/sub/**", "src/sub/keep"],
    ["../b/src/in.ts"],
    ["*.{md,txt}"],
    [],
  ]);
}

function filesOf({ packages, sections }: Project): Edits {
  const files: Record<string, string> = {
    "package.json": JSON.stringify({ name: "root", workspaces: packages }),
  };
  for (const folder of packages) {
    const wireit = sections[folder] ?? {};
    const scripts = Object.fromEntries(Object.keys(wireit).map((name) => [name, "wireit"]));
    files[`${folder}/package.json`] = JSON.stringify({ name: folder, scripts, wireit }, null, 1);
    files[`${folder}/src/in.ts`] = "1";
    files[`${folder}/src/sub/keep`] = "1";
    files[`${folder}/src/sub/other`] = "1";
    files[`${folder}/README.md`] = "1";
    for (const script of Object.keys(wireit)) {
      files[`${folder}/${script}.sh`] = `echo "${folder}#${script}" >> "@LOG@"
mkdir -p out-${script}
cat src/in.ts > out-${script}/x
echo "$MODE" > out-${script}/.y
if [ -e fail ]; then exit 3; fi
`;
    }
  }
  return files;
}

interface Step {
  readonly edits: Edits;
  readonly env: Readonly<Record<string, string>>;
}

function randomStep(dice: Dice, { packages, outputs }: Project): Step {
  const folder = packages[dice.roll(packages.length)];
  const output = outputs[dice.roll(Math.max(1, outputs.length))];
  const edits = dice.pick<Edits>([
    {},
    { [`${folder}/src/in.ts`]: String(dice.roll(3)) },
    { [`${folder}/src/in.ts`]: String(dice.roll(3)) },
    { [`${folder}/src/sub/keep`]: String(dice.roll(3)) },
    { [`${folder}/src/sub/other`]: dice.hits(3) ? null : String(dice.roll(3)) },
    { [`${folder}/src/.hidden`]: String(dice.roll(3)) },
    { [`${folder}/README.md`]: String(dice.roll(3)) },
    { [`${folder}/fail`]: "" },
    output === undefined ? {} : { [output]: null },
  ]);
  const env: Record<string, string> = dice.hits(3) ? { MODE: String(dice.roll(2)) } : {};
  return { edits, env };
}

/** The copy that Wireit runs. */
class WireitCopy extends Copy {
  readonly #program: string;

  constructor(program: string) {
    super();
    this.#program = program;
  }

  async run(step: Step, outputs: readonly string[]): Promise<Effects & { readonly text: string }> {
    const { code, stdout, stderr } = await new Deno.Command("node", {
      args: [this.#program],
      cwd: `${this.root}/a`,
      clearEnv: true,
      env: {
        PATH: Deno.env.get("PATH") ?? "",
        HOME: "/nowhere",
        WIREIT_CACHE: "local",
        WIREIT_LOGGER: "simple",
        npm_config_user_agent: "npm/10.8.2",
        npm_lifecycle_event: "all",
        npm_package_json: `${this.root}/a/package.json`,
        ...step.env,
      },
    }).output();
    const decoder = new TextDecoder();
    const text = decoder.decode(stdout) + decoder.decode(stderr);
    return { ...this.effects(code, outputs), text };
  }
}

/** Returns the number of runs that were compared. */
async function compare(seed: number, program: string): Promise<number> {
  const dice = new Dice(seed);
  const project = randomProject(dice);
  await using theirs = new WireitCopy(program);
  await using ours = new SimmerCopy();
  for (const copy of [theirs, ours]) copy.edit(filesOf(project));
  const history: Step[] = [];
  let step: Step = { edits: {}, env: {} };
  let count = 0;
  for (let at = 0; at < 6; at++) {
    history.push(step);
    for (const copy of [theirs, ours]) copy.edit(step.edits);
    const expected = await theirs.run(step, project.outputs);
    const env = { PATH: Deno.env.get("PATH") ?? "", HOME: "/nowhere", ...step.env };
    const found = await ours.run(["a#all"], { env, outputs: project.outputs, recursive: false });
    const about = `seed ${seed}: ${JSON.stringify(project.sections)}\n${
      history.map((each) => JSON.stringify(each)).join("\n")
    }\n${expected.text}\n${found.message}`;
    if (expected.exitCode !== 0) {
      assertEquals([expected.exitCode, found.exitCode], [1, 3], about);
      return count;
    }
    assertEquals(
      [found.exitCode, found.ran, found.outputs],
      [0, expected.ran, expected.outputs],
      about,
    );
    count++;
    step = randomStep(dice, project);
  }
  return count;
}

Deno.test({
  name: `wireit: random packages run as with Wireit ${VERSION}`,
  ignore: WIREIT === undefined,
  async fn(): Promise<void> {
    if (WIREIT === undefined) return;
    const end = Date.now() + PEER_MS;
    const first = Number(Deno.env.get("SIMMER_PEER_SEED") ?? 1);
    let [projects, runs] = [0, 0];
    for (let seed = first; Date.now() < end; seed++, projects++) {
      runs += await compare(seed, WIREIT);
    }
    say(`Wireit ${VERSION}: ${projects} projects, ${runs} runs compared`);
  },
});
