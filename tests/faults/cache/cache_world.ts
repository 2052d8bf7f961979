/**
 * A workspace on disk that a test may change in any way. The outputs of its tasks under simmer are
 * compared with a reference build, in which plain `sh` runs the same commands from scratch.
 *
 * @module
 */

import { isAbsent, removeTree } from "../../../system/files/files.ts";
import { treeEntry } from "../../../system/files/tree.ts";
import { Project } from "../../e2e/support.ts";

const LIST = `# Writes the content of all files below some folders to a file.
out=$1
shift
mkdir -p "\${out%/*}"
find -L "$@" -type f 2>/dev/null | LC_ALL=C sort | xargs -r grep -H '' > "$out"
exit 0
`;

const COPY = `# Copies all files below a folder, links followed.
mkdir -p "$2"
find -L "$1" -type f 2>/dev/null | LC_ALL=C sort | while read -r file; do
  to=$2/\${file#"$1"/}
  mkdir -p "\${to%/*}"
  cp "$file" "$to" || exit
done
`;

const PACK = `# Makes one file of a list and some texts, and one for each text.
mkdir -p dist
echo "$1" | cat - gen/list.txt lib/*.txt > dist/pack.txt 2>/dev/null
for each in lib/*.txt; do
  [ ! -e "$each" ] || echo "$1" > "dist/\${each#lib/}.made"
done
[ ! -e lib/fail.txt ]
`;

/** The members' tasks by the members' names. The second member depends on the first one. */
const MEMBERS = {
  "@m/a": { command: "/bin/sh ../../tools/list.sh out/list.txt src", files: ["src"] },
  "@m/b": {
    command: "/bin/sh ../../tools/list.sh out/list.txt src ../a/out",
    files: ["src", "../a/out"],
  },
} as const;

type Member = keyof typeof MEMBERS;

/** The tasks of the root. */
const TASKS = {
  list: { command: "/bin/sh tools/list.sh gen/list.txt src", files: ["src"], output: ["gen"] },
  copy: { command: "/bin/sh tools/copy.sh src copy", files: ["src/**"], output: ["copy"] },
  pack: {
    command: "/bin/sh tools/pack.sh",
    files: ["lib/*.txt", "gen/list.txt"],
    output: ["dist/pack.txt", "dist/*.made"],
    dependencies: ["list"],
  },
  note: { command: "cat lib/*.txt > note.txt", files: ["lib"] },
} as const;

/** The file or folder that each task of the root makes. */
const MAKES = { list: "gen", copy: "copy", pack: "dist", note: "note.txt" } as const;

/** Arguments of `simmer run`: options, then task names. */
export const TARGETS = ["list", "copy", "pack", "note", "list copy note", "-r build"] as const;

/** One of {@linkcode TARGETS}. */
export type Target = typeof TARGETS[number];

/** The root's tasks that a target runs, in their order. */
const RUNS: Readonly<Record<Exclude<Target, "-r build">, readonly (keyof typeof TASKS)[]>> = {
  list: ["list"],
  copy: ["copy"],
  pack: ["list", "pack"],
  note: ["note"],
  "list copy note": ["list", "copy", "note"],
};

interface Work {
  /** Path below the root. */
  readonly folder: string;
  readonly command: string;
  readonly makes: string;
}

/** A file that a task or a user has made. */
interface Made {
  readonly text: string;
  readonly isProgram: boolean;
}

/** The result of a run. */
export interface Ran {
  readonly code: number;
  /** Number of cache hits. */
  readonly found: number;
  readonly stderr: string;
}

/** A cache that several workspaces may share. */
export interface SharedCache {
  /** Absolute path. */
  readonly folder: string;
  /** Output paths that a user has written in any of the workspaces. */
  readonly byHand: Set<string>;
}

/** A workspace with its cache and its reference builds. */
export class CacheWorld implements AsyncDisposable {
  readonly #project: Project;
  readonly #reference: string;
  readonly #cache: SharedCache;
  #killed: number | undefined;
  /** The argument of the command of `pack`. */
  #word = "0";
  /** Files that a user has written among the outputs. No task may remove them. */
  readonly #own = new Map<string, string>();

  private constructor(project: Project, reference: string, cache: SharedCache) {
    this.#project = project;
    this.#reference = reference;
    this.#cache = cache;
  }

  /**
   * Creates a workspace.
   *
   * @param reference folder of the reference build; each build replaces it
   * @param cache may be shared with other workspaces
   */
  static async create(reference: string, cache: SharedCache): Promise<CacheWorld> {
    const project = await Project.create({
      "tools/list.sh": LIST,
      "tools/copy.sh": COPY,
      "tools/pack.sh": PACK,
      "lib/f0.txt": "0\n",
      "src/f0.txt": "0\n",
      "m/a/deno.json": memberConfig("@m/a", {}),
      "m/b/deno.json": memberConfig("@m/b", { "@m/a": "jsr:@m/a@1" }),
    });
    const world = new CacheWorld(project, reference, cache);
    for (const folder of ["src/s", "src/t", "ext/e", "hard", "m/a/src", "m/b/src"]) {
      Deno.mkdirSync(`${world.root}/${folder}`, { recursive: true });
    }
    world.configure("0");
    return world;
  }

  /** Absolute path. */
  get root(): string {
    return this.#project.root;
  }

  /** Writes the configuration, with `word` as the argument of the command of `pack`. */
  configure(word: string): void {
    this.#word = word;
    const pack = { ...TASKS.pack, command: this.#commandOf("pack") };
    const config = { name: "@m/root", workspace: ["./m/*"], tasks: { ...TASKS, pack } };
    Deno.writeTextFileSync(`${this.root}/deno.json`, JSON.stringify(config));
  }

  /** Writes a file among the outputs, as a user would. */
  writeOwn(path: string, text: string): void {
    const absolute = `${this.root}/${path}`;
    const isThere = (each: string): boolean => treeEntry(`${this.root}/${each}`)?.kind === "folder";
    if (!isThere(path.slice(0, path.lastIndexOf("/"))) || isThere(path)) return;
    Deno.writeTextFileSync(absolute, text);
    this.#own.set(path, text);
    this.#cache.byHand.add(path);
  }

  /** Removes a file or folder among the outputs, as a user would. */
  removeOwn(path: string): void {
    removeTree(`${this.root}/${path}`);
    for (const own of this.#own.keys()) {
      if (own === path || own.startsWith(`${path}/`)) this.#own.delete(own);
    }
  }

  /** Runs tasks with simmer. */
  async run(target: Target, options: readonly string[]): Promise<Ran> {
    const words = ["run", ...options, ...target.split(" ")];
    const env = { SIMMER_CACHE_DIR: this.#cache.folder };
    const { code, stderr } = await this.#project.run(words, { env });
    const found = Number(/, (\d+) cached/.exec(stderr)?.[1] ?? "0");
    return { code, found, stderr };
  }

  /** Kills the server if one runs. */
  async kill(): Promise<void> {
    try {
      const pid = await this.#project.serverPid();
      // No server has started since the last kill: another process may have the process id now.
      if (pid === this.#killed) return;
      await this.#project.killServer();
      this.#killed = pid;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  /** Runs the tasks with plain `sh` on a copy of the current inputs. */
  async expect(target: Target): Promise<Expected> {
    const works = this.#works(target);
    const inputs = ["tools", "src", "lib", "ext", "store"].map((each) => `"$1/${each}"`).join(" ");
    const script = [
      `rm -rf "$2" && mkdir "$2" && cp -a ${inputs} "$2" 2>/dev/null`,
      `cd "$2" || exit 9`,
      ...this.#members.map(({ folder }) =>
        `mkdir -p ${folder} && cp -a "$1/${folder}/src" ${folder}/`
      ),
      ...works.map(({ folder, command }) => `(cd "./${folder}" && ${command}) || exit 1`),
    ].join("\n");
    const { code } = await new Deno.Command("sh", {
      args: ["-c", script, "sh", this.root, this.#reference],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
    return { code, files: madeIn(this.#reference, works) };
  }

  /** @returns the first difference from the reference build; `undefined` if there is none */
  compare(target: Target, ran: Ran, expected: Expected): string | undefined {
    if ((ran.code === 0) !== (expected.code === 0)) {
      return `exit code ${ran.code} instead of ${expected.code}`;
    }
    const files = madeIn(this.root, this.#works(target));
    if (ran.code === 0) {
      for (const [path, { text, isProgram }] of expected.files) {
        const file = files.get(path);
        if (file === undefined) return `${path} is not there`;
        if (file.text !== text) {
          return `${path} has ${JSON.stringify(file.text)} instead of ${JSON.stringify(text)}`;
        }
        // A task that overwrites a user's file keeps the file's mode, which the result then has.
        const isModeKnown = !this.#cache.byHand.has(path);
        if (file.isProgram !== isProgram && isModeKnown) return `${path} has another mode`;
        this.#own.delete(path);
      }
      for (const path of files.keys()) {
        if (!expected.files.has(path) && !this.#own.has(path)) return `${path} should not be there`;
      }
    }
    if (ran.code !== 0) this.allowWrites();
    for (const [path, text] of this.#own) {
      if (textOf(`${this.root}/${path}`) !== text) return `${path} was a person's, and is lost`;
    }
    return undefined;
  }

  /** Forgets the user's files that an uncompared run has overwritten: they are outputs now. */
  allowWrites(): void {
    for (const [path, text] of this.#own) {
      if (!path.endsWith("stray") && textOf(`${this.root}/${path}`) !== text) {
        this.#own.delete(path);
      }
    }
  }

  /** Ends the server and removes the workspace, as `Project` does. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#project[Symbol.asyncDispose]();
  }

  /** The members' names and their folders below the root, in build order. */
  get #members(): readonly { readonly name: Member; readonly folder: string }[] {
    return [...Deno.readDirSync(`${this.root}/m`)].map(({ name: own }) => {
      const folder = `m/${own}`;
      const { name } = JSON.parse(Deno.readTextFileSync(`${this.root}/${folder}/deno.json`));
      return { name: name as Member, folder };
    }).sort((one, two) => one.name < two.name ? -1 : 1);
  }

  #commandOf(task: keyof typeof TASKS): string {
    const { command } = TASKS[task];
    return task === "pack" ? `${command} ${this.#word}` : command;
  }

  #works(target: Target): readonly Work[] {
    if (target === "-r build") {
      return this.#members.map(({ name, folder }) => (
        { folder, command: MEMBERS[name].command, makes: `${folder}/out` }
      ));
    }
    return RUNS[target].map((task) => (
      { folder: "", command: this.#commandOf(task), makes: MAKES[task] }
    ));
  }
}

function memberConfig(name: Member, imports: Readonly<Record<string, string>>): unknown {
  const build = { ...MEMBERS[name], output: ["out"] };
  return { name, version: "1.0.0", imports, tasks: { build } };
}

/** The result of a reference build. */
export interface Expected {
  readonly code: number;
  readonly files: ReadonlyMap<string, Made>;
}

/** Returns the files that tasks have made below a root, by path. */
function madeIn(root: string, works: readonly Work[]): Map<string, Made> {
  const found = new Map<string, Made>();
  const look = (path: string): void => {
    const absolute = `${root}/${path}`;
    switch (treeEntry(absolute)?.kind) {
      case "folder":
        for (const { name } of Deno.readDirSync(absolute)) look(`${path}/${name}`);
        break;
      case "file":
        found.set(path, {
          text: Deno.readTextFileSync(absolute),
          isProgram: ((Deno.statSync(absolute).mode ?? 0) & 0o100) !== 0,
        });
        break;
      default:
    }
  };
  for (const { makes } of works) look(makes);
  return found;
}

function textOf(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}
