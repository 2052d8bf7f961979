/**
 * Tests each thing that can make kept answers invalid. A project is built until the outcome of its
 * build is kept. Then one thing changes.
 */

import { assert, assertEquals } from "@std/assert";
import { SettledBuilds } from "../../cooker/settled.ts";
import type { Validity } from "../../cooker/validity.ts";
import type { RunTasksInput } from "../../wire/commands.ts";
import { DirectCooker, type DirectRun } from "./direct_cooker.ts";

const FILES: Readonly<Record<string, string>> = {
  "deno.json": JSON.stringify({
    workspace: ["./packages/*"],
    tasks: {
      build: {
        command: "cat src/*.txt > out/all.txt",
        files: ["src/*.txt"],
        output: ["out"],
        env: ["MODE"],
      },
      note: { command: "echo $MODE > note.txt", files: ["src/a.txt"], env: ["MODE"] },
      show: "echo $MODE",
      wait: "sleep 600",
    },
  }),
  "packages/p/deno.json": member("p"),
  "src/a.txt": "a",
  "src/b.txt": "b",
  "out/mine.txt": "by hand",
  "elsewhere/file.txt": "",
};

function member(text: string): string {
  return JSON.stringify({ tasks: { build: { command: `echo ${text}`, files: ["deno.json"] } } });
}

/** A project with a running cooker. */
class World implements AsyncDisposable {
  readonly root = Deno.realPathSync(Deno.makeTempDirSync());
  readonly settled = new SettledBuilds();
  readonly cooker: DirectCooker;

  constructor(files = FILES) {
    for (const [path, text] of Object.entries(files)) this.write(path, text);
    this.cooker = new DirectCooker(this.root, {
      settled: this.settled,
      cache: ({ CACHE = "cache" }) => `${this.root}/.simmer/${CACHE}`,
    });
  }

  path(path: string): string {
    return `${this.root}/${path}`;
  }

  write(path: string, text: string): void {
    Deno.mkdirSync(this.path(path).replace(/\/[^/]*$/, ""), { recursive: true });
    Deno.writeTextFileSync(this.path(path), text);
  }

  read(path: string): string {
    return Deno.readTextFileSync(this.path(path));
  }

  env(variables: Readonly<Record<string, string>>): { readonly env: Record<string, string> } {
    return { env: { PATH: Deno.env.get("PATH") ?? "", NO_COLOR: "1", MODE: "x", ...variables } };
  }

  async build(more: Partial<RunTasksInput> = {}): Promise<DirectRun> {
    return await this.cooker.run(["build"], { recursive: true, ...this.env({}), ...more });
  }

  /** Builds until the outcome is kept. */
  async keep(): Promise<Validity> {
    for (let run = 0; run < 5; run++) {
      await this.build();
      const validity = this.settled.of(Deno.pid);
      if (validity !== undefined) return validity;
    }
    throw new Error("the outcome of the build is never kept");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cooker[Symbol.asyncDispose]();
    Deno.removeSync(this.root, { recursive: true });
  }
}

/** A change, and its effects on the kept outcome and on the next build. */
interface Change {
  readonly what: string;
  readonly make: (world: World) => unknown;
  /** True if the kept outcome stays valid. */
  readonly isCurrent: boolean;
  /** Number of tasks that the next build runs; `undefined` if it fails. */
  readonly runs: number | undefined;
  /** Parameters of the next build. */
  readonly more?: (world: World) => Partial<RunTasksInput>;
}

const CHANGES: readonly Change[] = [
  { what: "nothing", make: () => {}, isCurrent: true, runs: 0 },
  {
    what: "a file that no task declares",
    make: (world) => world.write("elsewhere/file.txt", "new"),
    isCurrent: true,
    runs: 0,
  },
  {
    what: "an input that is edited",
    make: (world) => world.write("src/a.txt", "A"),
    isCurrent: false,
    runs: 1,
  },
  {
    what: "an input that is edited and gets its old times back",
    make: (world) => {
      const { atime, mtime } = Deno.statSync(world.path("src/a.txt"));
      world.write("src/a.txt", "A");
      Deno.utimeSync(world.path("src/a.txt"), atime ?? 0, mtime ?? 0);
    },
    isCurrent: false,
    runs: 1,
  },
  {
    what: "an input that is touched",
    make: (world) => world.write("src/a.txt", "a"),
    isCurrent: false,
    runs: 0,
  },
  {
    what: "an input that is added",
    make: (world) => world.write("src/c.txt", "c"),
    isCurrent: false,
    runs: 1,
  },
  {
    what: "an input that is deleted",
    make: (world) => Deno.removeSync(world.path("src/b.txt")),
    isCurrent: false,
    runs: 1,
  },
  {
    what: "a folder of inputs that is replaced",
    make: (world) => {
      Deno.renameSync(world.path("src"), world.path("old"));
      world.write("src/a.txt", "A");
    },
    isCurrent: false,
    runs: 1,
  },
  {
    what: "a config that is edited",
    make: (world) => world.write("deno.json", FILES["deno.json"]?.replace("cat ", "echo ") ?? ""),
    isCurrent: false,
    runs: 1,
  },
  {
    what: "a config of a new member",
    make: (world) => world.write("packages/q/deno.json", member("q")),
    isCurrent: false,
    runs: 1,
  },
  {
    what: "a second config of a member",
    make: (world) =>
      world.write("packages/p/package.json", JSON.stringify({ scripts: { prebuild: "echo" } })),
    isCurrent: false,
    runs: 0,
  },
  {
    what: "a member that is deleted",
    make: (world) => Deno.removeSync(world.path("packages/p"), { recursive: true }),
    isCurrent: false,
    runs: 0,
  },
  {
    what: "the root's config, which is deleted",
    make: (world) => Deno.removeSync(world.path("deno.json")),
    isCurrent: false,
    runs: undefined,
  },
  {
    what: "an output that is edited",
    make: (world) => world.write("out/all.txt", "by hand"),
    isCurrent: false,
    runs: 0,
  },
  {
    what: "an output that is deleted",
    make: (world) => Deno.removeSync(world.path("out/all.txt")),
    isCurrent: false,
    runs: 0,
  },
  {
    what: "a second name of an output",
    make: (world) => Deno.linkSync(world.path("out/all.txt"), world.path("elsewhere/name")),
    isCurrent: false,
    runs: 0,
  },
  {
    what: "a run by another process",
    make: async (world) => {
      await using other = new DirectCooker(world.root);
      await other.run(["note"], world.env({}));
    },
    isCurrent: false,
    runs: 0,
  },
  {
    what: "a run of another task by the same server",
    make: (world) => world.cooker.run(["note"], world.env({})),
    isCurrent: true,
    runs: 0,
  },
  {
    what: "a variable that a task declares",
    make: () => {},
    isCurrent: true,
    runs: 1,
    more: (world) => world.env({ MODE: "y" }),
  },
  {
    what: "the folder of the cache",
    make: () => {},
    isCurrent: true,
    runs: 2,
    more: (world) => world.env({ CACHE: "other" }),
  },
  {
    what: "the cache, which is deleted: its results are in place",
    make: (world) => Deno.removeSync(world.path(".simmer/cache"), { recursive: true }),
    isCurrent: true,
    runs: 0,
  },
  {
    what: "the cache and an output, which are deleted",
    make: (world) => {
      Deno.removeSync(world.path(".simmer/cache"), { recursive: true });
      Deno.removeSync(world.path("out/all.txt"));
    },
    isCurrent: false,
    runs: 1,
  },
  {
    what: "the folder of cookies, so that changes may go unreported",
    make: (world) => {
      Deno.removeSync(world.path(".simmer/cookies"), { recursive: true });
      world.write("src/a.txt", "A");
    },
    isCurrent: false,
    runs: 1,
  },
];

for (const { what, make, isCurrent, runs, more = () => ({}) } of CHANGES) {
  Deno.test(`a kept outcome ${isCurrent ? "survives" : "does not survive"}: ${what}`, async () => {
    await using world = new World();
    const validity = await world.keep();
    await make(world);
    assertEquals(validity.isCurrent, isCurrent);
    const { ran, exitCode } = await world.build(more(world));
    assertEquals(exitCode === 0 ? ran.length : undefined, runs);
    if (exitCode !== 0) return;
    const { cached } = await world.build(more(world));
    assertEquals(cached.length > 0, true);
    if (what.includes("output")) assertEquals(world.read("out/all.txt"), "ab");
  });
}

Deno.test("a kept outcome is not current while another build is in progress", async () => {
  await using world = new World();
  const validity = await world.keep();
  const during: boolean[] = [];
  await world.cooker.run(["wait"], world.env({}), "TaskStarted", ({ type }) => {
    if (type === "TaskStarted") during.push(validity.isCurrent);
  });
  assertEquals(during, [false]);
  assertEquals(validity.isCurrent, true);
});

Deno.test("a kept outcome is not current after its tasks ran with another environment", async () => {
  await using world = new World();
  const note = async (MODE: string): Promise<void> => {
    await world.cooker.run(["note"], world.env({ MODE }));
  };
  for (let run = 0; run < 3; run++) await note("x");
  const validity = world.settled.of(Deno.pid);
  assertEquals(validity?.isCurrent, true);
  await note("y");
  assertEquals(validity?.isCurrent, false);
  await note("x");
  assertEquals(world.read("note.txt"), "x\n");
});

Deno.test("a kept plan has the environment of its own run", async () => {
  await using world = new World();
  for (const MODE of ["x", "x", "y", "x", "y", "y"]) {
    const { stdout } = await world.cooker.run(["show"], world.env({ MODE }));
    assertEquals(stdout, `${MODE}\n`);
  }
});

Deno.test("a kept plan is not used after the link to its folder has a new target", async () => {
  const files = Object.fromEntries(
    ["p", "q"].map((name) => [`packages/${name}/deno.json`, member(name)]),
  );
  await using world = new World({ ...FILES, ...files });
  const link = world.path("link");
  for (const name of ["p", "q", "p"]) {
    await Deno.remove(link).catch(() => {});
    await Deno.symlink(`packages/${name}`, link);
    for (let run = 0; run < 3; run++) {
      const { stdout } = await world.cooker.run(["build"], {
        cwd: link,
        force: true,
        ...world.env({}),
      });
      assertEquals(stdout, `${name}\n`);
    }
    assertEquals(world.settled.of(Deno.pid), undefined);
  }
});

Deno.test("a kept plan finds programs in a node_modules folder that is added and removed", async () => {
  await using world = new World({
    "package.json": JSON.stringify({ name: "x", scripts: { say: "tool || echo none" } }),
  });
  const said = async (): Promise<string> =>
    (await world.cooker.run(["say"], world.env({}))).stdout.trim();
  for (let run = 0; run < 3; run++) assertEquals(await said(), "none");
  world.write("node_modules/.bin/tool", "#!/usr/bin/env node\nconsole.log('found');\n");
  await Deno.chmod(world.path("node_modules/.bin/tool"), 0o755);
  assertEquals(await said(), "found");
  await Deno.remove(world.path("node_modules"), { recursive: true });
  assertEquals(await said(), "none");
});

/** Files whose times cannot prove that they are unchanged: just written, and with two names. */
const UNTRUSTED: readonly (readonly [what: string, path: string])[] = [
  ["an input", "src/a.txt"],
  ["an output", "out/all.txt"],
];

for (const [what, path] of UNTRUSTED) {
  Deno.test(`no outcome is kept while ${what} has a second name, by which it may be edited in the same tick`, async () => {
    await using world = new World();
    await world.keep();
    const name = world.path("elsewhere/name");
    await Deno.link(world.path(path), name);
    for (const text of ["1", "2", "3"]) {
      await Deno.writeTextFile(name, text);
      const { ran, exitCode } = await world.build();
      assertEquals(world.settled.of(Deno.pid), undefined);
      assertEquals(exitCode, 0);
      assertEquals(ran, what === "an input" ? ["build"] : []);
      const now = what === "an input" ? `${text}b` : "ab";
      assertEquals(world.read("out/all.txt"), now);
      // A restore gives the output a new inode.
      if (what === "an output") {
        await Deno.remove(name);
        await Deno.link(world.path(path), name);
      }
    }
  });
}

Deno.test("an outcome is kept again after a change", async () => {
  await using world = new World();
  const before = await world.keep();
  world.write("src/a.txt", "A");
  assert(!before.isCurrent);
  const after = await world.keep();
  assert(after.isCurrent);
  assert(!before.isCurrent);
});
