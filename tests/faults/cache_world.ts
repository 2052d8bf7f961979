/**
 * A workspace on the disk to which anything may happen, what its tasks have to leave in it, and what
 * simmer leaves. What they have to leave is told by plain `sh`, which makes all of it anew.
 *
 * @module
 */

import { isProcessAlive } from "../../system/processes.ts";
import { SIMMER } from "../e2e/support.ts";

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

interface Work {
  /** Below the root. */
  readonly folder: string;
  readonly command: string;
  /** What it makes: files, or folders with all that is in them. */
  readonly makes: readonly string[];
}

/** What can be asked for: names, and options before them. */
export const TARGETS = ["list", "copy", "pack", "note", "list copy note", "-r build"] as const;

/** One of {@linkcode TARGETS}. */
export type Target = typeof TARGETS[number];

/** A file that a task has made, or a person. */
interface Made {
  readonly text: string;
  readonly isProgram: boolean;
}

/** How a run ended. */
export interface Ran {
  readonly code: number;
  /** How many tasks were found in the cache. */
  readonly found: number;
  readonly stderr: string;
}

/** A workspace. */
export class CacheWorld {
  /** Absolute. */
  readonly root: string;
  readonly #reference: string;
  readonly #cache: string;
  /** A word of the command of `pack`. */
  #word = "0";
  /** Files that a person has written among the outputs, which no task may remove. */
  readonly #own = new Map<string, string>();

  /**
   * Makes one.
   *
   * @param base an empty folder
   * @param cache a folder that others may share
   */
  constructor(base: string, cache: string) {
    this.root = `${base}/project`;
    this.#reference = `${base}/reference`;
    this.#cache = cache;
    for (
      const folder of ["src/s", "src/t", "lib", "ext/e", "tools", "hard", "m/a/src", "m/b/src"]
    ) {
      Deno.mkdirSync(`${this.root}/${folder}`, { recursive: true });
    }
    Deno.writeTextFileSync(`${this.root}/tools/list.sh`, LIST);
    Deno.writeTextFileSync(`${this.root}/tools/copy.sh`, COPY);
    Deno.writeTextFileSync(`${this.root}/tools/pack.sh`, PACK);
    Deno.writeTextFileSync(`${this.root}/lib/f0.txt`, "0\n");
    Deno.writeTextFileSync(`${this.root}/src/f0.txt`, "0\n");
    this.#addMember("a", {});
    this.#addMember("b", { "@m/a": "jsr:@m/a@1" });
    this.configure(this.#word);
  }

  /** Writes the configuration; a word is one of a command's. */
  configure(word: string): void {
    this.#word = word;
    const tasks = {
      list: { command: "/bin/sh tools/list.sh gen/list.txt src", files: ["src"], output: ["gen"] },
      copy: { command: "/bin/sh tools/copy.sh src copy", files: ["src/**"], output: ["copy"] },
      pack: {
        command: this.#packCommand,
        files: ["lib/*.txt", "gen/list.txt"],
        output: ["dist/pack.txt", "dist/*.made"],
        dependencies: ["list"],
      },
      note: { command: "cat lib/*.txt > note.txt", files: ["lib"] },
    };
    const config = { name: "@m/root", workspace: ["./m/*"], tasks };
    Deno.writeTextFileSync(`${this.root}/deno.json`, JSON.stringify(config));
  }

  /** Whether the members of the workspace are the first ones. */
  get members(): readonly string[] {
    return [...Deno.readDirSync(`${this.root}/m`)].map(({ name }) => name).sort();
  }

  /** A person writes a file among the outputs. */
  writeOwn(path: string, text: string): void {
    const absolute = `${this.root}/${path}`;
    const isThere = (each: string): boolean => lookAt(`${this.root}/${each}`) === "folder";
    if (!isThere(path.slice(0, path.lastIndexOf("/"))) || isThere(path)) return;
    Deno.writeTextFileSync(absolute, text);
    this.#own.set(path, text);
  }

  /** A person removes something among the outputs. */
  removeOwn(path: string): void {
    removeAny(`${this.root}/${path}`);
    for (const own of this.#own.keys()) {
      if (own === path || own.startsWith(`${path}/`)) this.#own.delete(own);
    }
  }

  /** Runs tasks with simmer. */
  async run(target: Target, options: readonly string[]): Promise<Ran> {
    const words = ["run", ...options, ...target.split(" ")];
    const { code, stderr } = await this.#simmer(words);
    const found = Number(/, (\d+) cached/.exec(stderr)?.[1] ?? "0");
    return { code, found, stderr };
  }

  /** Ends the server, if there is one, as somebody does who has no time. */
  async kill(): Promise<void> {
    const pid = parseInt(textOf(`${this.root}/.simmer/lock`) ?? "");
    if (!(pid > 1) || !isProcessAlive(pid)) return;
    Deno.kill(pid, "SIGKILL");
    while (isProcessAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  /** Ends the server, if there is one. */
  async stop(): Promise<void> {
    await this.#simmer(["stop", "--force"]);
  }

  /** Has plain `sh` carry out the tasks on what is there now, in another folder. */
  async expect(target: Target): Promise<Expected> {
    const works = this.#works(target);
    const inputs = ["tools", "src", "lib", "ext", "store"].map((each) => `"$1/${each}"`).join(" ");
    const script = [
      `rm -rf "$2" && mkdir "$2" && cp -a ${inputs} "$2" 2>/dev/null`,
      `cd "$2" || exit 9`,
      ...this.members.map((name) => `mkdir -p m/${name} && cp -a "$1/m/${name}/src" m/${name}/`),
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

  /** @returns what is not as it should be after a run; `undefined` if all is right */
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
        // A program that writes over a file leaves the file's mode.
        if (file.isProgram !== isProgram && !this.#own.has(path)) return `${path} has another mode`;
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

  /** A run that was not compared may have written over files of a person: these are the tasks' now. */
  allowWrites(): void {
    for (const [path, text] of this.#own) {
      if (!path.endsWith("stray") && textOf(`${this.root}/${path}`) !== text) {
        this.#own.delete(path);
      }
    }
  }

  get #packCommand(): string {
    return `/bin/sh tools/pack.sh ${this.#word}`;
  }

  #works(target: Target): readonly Work[] {
    const list = { folder: "", command: "/bin/sh tools/list.sh gen/list.txt src", makes: ["gen"] };
    const copy = { folder: "", command: "/bin/sh tools/copy.sh src copy", makes: ["copy"] };
    const note = { folder: "", command: "cat lib/*.txt > note.txt", makes: ["note.txt"] };
    switch (target) {
      case "list":
        return [list];
      case "copy":
        return [copy];
      case "note":
        return [note];
      case "list copy note":
        return [list, copy, note];
      case "pack":
        return [list, { folder: "", command: this.#packCommand, makes: ["dist"] }];
      case "-r build":
        return this.members.map((name) => ({
          folder: `m/${name}`,
          command: BUILD,
          makes: [`m/${name}/out`],
        }));
    }
  }

  #addMember(name: string, imports: Readonly<Record<string, string>>): void {
    const build = { command: BUILD, files: ["src", "../a/out"], output: ["out"] };
    const config = { name: `@m/${name}`, version: "1.0.0", imports, tasks: { build } };
    Deno.writeTextFileSync(`${this.root}/m/${name}/deno.json`, JSON.stringify(config));
  }

  async #simmer(words: readonly string[]): Promise<{ code: number; stderr: string }> {
    const [program = "", ...args] = SIMMER;
    const { code, stderr } = await new Deno.Command(program, {
      args: [...args, ...words],
      cwd: this.root,
      clearEnv: true,
      env: {
        PATH: Deno.env.get("PATH") ?? "",
        HOME: Deno.env.get("HOME") ?? "/",
        NO_COLOR: "1",
        SIMMER_CACHE_DIR: this.#cache,
      },
      stdin: "null",
      stdout: "null",
    }).output();
    return { code, stderr: new TextDecoder().decode(stderr) };
  }
}

/** What a build from scratch makes. */
export interface Expected {
  readonly code: number;
  readonly files: ReadonlyMap<string, Made>;
}

const BUILD = "/bin/sh ../../tools/list.sh out/list.txt src ../a/out";

/** The files that tasks have made below a root, by path. */
function madeIn(root: string, works: readonly Work[]): Map<string, Made> {
  const found = new Map<string, Made>();
  const look = (path: string): void => {
    const absolute = `${root}/${path}`;
    switch (lookAt(absolute)) {
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
  for (const { makes } of works) makes.forEach(look);
  return found;
}

/** What is at a path, links not followed; `undefined` where nothing is. */
export function lookAt(path: string): "file" | "folder" | "link" | undefined {
  try {
    const { isFile, isDirectory } = Deno.lstatSync(path);
    return isFile ? "file" : isDirectory ? "folder" : "link";
  } catch (error) {
    if (isOfNothing(error)) return undefined;
    throw error;
  }
}

/** Removes what is at a path, if anything is. */
export function removeAny(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (error) {
    if (!isOfNothing(error)) throw error;
  }
}

function textOf(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (isOfNothing(error)) return undefined;
    throw error;
  }
}

function isOfNothing(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory;
}
