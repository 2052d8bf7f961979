/** Tests that files behind links to folders are inputs, by the path through the link. */

import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { InputTracker } from "../../../cooker/inputs/tracker.ts";
import { DirectCooker } from "../direct_cooker.ts";

/** A folder with a project in `p`, and a tracker of it. */
class Project implements Disposable {
  readonly #folder = Deno.realPathSync(Deno.makeTempDirSync());
  readonly root = `${this.#folder}/p`;
  readonly tracker = new InputTracker({
    root: this.root,
    cookies: `${this.root}/.simmer/cookies`,
    note: () => {},
  });

  /** @param tree contents by path in the project; `-> target` is a link, `/` at the end a folder */
  constructor(tree: Readonly<Record<string, string>>) {
    Deno.mkdirSync(`${this.root}/src`, { recursive: true });
    this.put(tree);
  }

  put(tree: Readonly<Record<string, string>>): void {
    for (const [path, text] of Object.entries(tree)) {
      const place = `${this.root}/${path}`;
      const [, target] = /^-> (.*)$/.exec(text) ?? [];
      Deno.mkdirSync(place.replace(/\/[^/]*$/, ""), { recursive: true });
      if (target !== undefined) Deno.symlinkSync(target, place);
      else if (!path.endsWith("/")) Deno.writeTextFileSync(place, text);
    }
  }

  remove(path: string): void {
    Deno.removeSync(`${this.root}/${path}`, { recursive: true });
  }

  move(from: string, to: string): void {
    Deno.renameSync(`${this.root}/${from}`, `${this.root}/${to}`);
  }

  names(...entries: string[]): string[] {
    this.tracker.sync();
    return [...this.tracker.set(this.root, entries)?.snapshot().files.keys() ?? []];
  }

  digest(...entries: string[]): string | undefined {
    this.tracker.sync();
    return this.tracker.set(this.root, entries)?.snapshot().digest;
  }

  problem(...entries: string[]): string | undefined {
    this.tracker.sync();
    return this.tracker.set(this.root, entries)?.snapshot().problem?.reason;
  }

  [Symbol.dispose](): void {
    this.tracker.stop();
    Deno.removeSync(this.#folder, { recursive: true });
  }
}

const NAMES: readonly [string, Readonly<Record<string, string>>, string[], string[]][] = [
  ["a link and the files behind it", { "lib/f": "1", "src/l": "-> ../lib" }, ["src"], [
    "src/l",
    "src/l/f",
  ]],
  [
    "a pattern that the link itself does not match",
    {
      "lib/d/f.ts": "1",
      "lib/f.js": "1",
      "src/l": "-> ../lib",
    },
    ["src/**/*.ts"],
    ["src/l/d/f.ts"],
  ],
  ["a link out of the project", { "../out/f": "1", "src/l": "-> ../../out" }, ["src"], [
    "src/l",
    "src/l/f",
  ]],
  [
    "a link to a link",
    {
      "c/f": "1",
      "b": "-> c",
      "src/a": "-> ../b",
    },
    ["src"],
    ["src/a", "src/a/f"],
  ],
  [
    "a link in a linked folder",
    {
      "c/f": "1",
      "b/l": "-> ../c",
      "src/a": "-> ../b",
    },
    ["src"],
    ["src/a", "src/a/l", "src/a/l/f"],
  ],
  [
    "two links to one folder",
    {
      "lib/f": "1",
      "src/a": "-> ../lib",
      "src/b": "-> ../lib",
    },
    ["src"],
    ["src/a", "src/a/f", "src/b", "src/b/f"],
  ],
  ["a link to its own folder", { "src/f": "1", "src/self": "-> ." }, ["src"], [
    "src/f",
    "src/self",
  ]],
  ["a link to a folder above", { "f": "1", "src/g": "1", "src/up": "-> .." }, ["src"], [
    "src/g",
    "src/up",
    "src/up/f",
  ]],
  [
    "two folders that link to each other",
    {
      "src/a/b": "-> ../b",
      "src/b/a": "-> ../a",
      "src/b/f": "1",
    },
    ["src"],
    [
      "src/a/b",
      "src/a/b/a",
      "src/a/b/f",
      "src/b/a",
      "src/b/a/b",
      "src/b/f",
    ],
  ],
  [
    "links that lead nowhere, to themselves and into /proc",
    {
      "src/nowhere": "-> gone",
      "src/loop": "-> loop",
      "src/proc": "-> /proc/self",
    },
    ["src"],
    ["src/loop", "src/nowhere", "src/proc"],
  ],
  [
    "an exclusion by the path through the link",
    {
      "lib/f": "1",
      "lib/g": "1",
      "src/l": "-> ../lib",
    },
    ["src", "!src/l/g"],
    ["src/l", "src/l/f"],
  ],
  [
    "an exclusion by the path without links",
    {
      "lib/f": "1",
      "lib/g": "1",
      "src/l": "-> ../lib",
    },
    ["src", "!lib/g"],
    ["src/l", "src/l/f"],
  ],
  ["an excluded link", { "lib/f": "1", "src/l": "-> ../lib" }, ["src", "!src/l"], []],
  [
    "node_modules behind a link, or as a link's name",
    {
      "lib/node_modules/f": "1",
      "lib/g": "1",
      "src/l": "-> ../lib",
      "src/node_modules": "-> ../lib",
      "src/m": "-> ../lib/node_modules",
    },
    ["src"],
    ["src/l", "src/l/g", "src/m", "src/node_modules"],
  ],
  [
    "node_modules that an entry names",
    {
      "lib/f": "1",
      "src/node_modules": "-> ../lib",
    },
    ["src", "src/node_modules/**"],
    ["src/node_modules", "src/node_modules/f"],
  ],
  ["an entry that is a link", { "lib/d/f": "1", "lib/l": "-> d", "src/l": "-> ../lib" }, [
    "src/l",
  ], ["src/l/d/f", "src/l/l", "src/l/l/f"]],
];

for (const [what, tree, entries, expected] of NAMES) {
  Deno.test(`a set resolves links to folders: ${what}`, () => {
    using project = new Project(tree);
    assertEquals(project.names(...entries), expected);
    assertEquals(project.problem(...entries), undefined);
  });
}

const CHANGES: readonly [string, (project: Project) => void][] = [
  ["an edit", (project) => project.put({ "lib/d/f": "2" })],
  ["a new file", (project) => project.put({ "lib/d/g": "1" })],
  ["a new empty file below a new folder", (project) => project.put({ "lib/e/g": "" })],
  ["a removed file", (project) => project.remove("lib/d/f")],
  ["a link that leads elsewhere", (project) => {
    project.remove("src/l");
    project.put({ "other/d/f": "2", "src/l": "-> ../other" });
  }],
  ["an intermediate link that leads elsewhere", (project) => {
    project.remove("way");
    project.put({ "other/d/f": "2", "way": "-> other" });
  }],
  ["a target that was moved and recreated", (project) => {
    project.move("lib", "old");
    project.put({ "lib/d/f": "2" });
  }],
  ["a target's folder that was replaced", (project) => {
    project.move("lib/d", "lib/old");
    project.put({ "lib/d/f": "2" });
    project.remove("lib/old");
  }],
  ["a target that is gone", (project) => project.remove("lib")],
  ["a folder in the link's place", (project) => {
    project.remove("src/l");
    project.put({ "src/l/d/f": "2" });
  }],
];

for (const [what, change] of CHANGES) {
  for (const entries of [["src"], ["src/**/f"], ["src/l"]]) {
    if (entries[0] === "src/**/f" && /new /.test(what)) continue;
    Deno.test(`a change behind a link is noticed with the entry ${entries}: ${what}`, () => {
      using project = new Project({
        "lib/d/f": "1",
        "way": "-> lib",
        "src/l": "-> ../way",
      });
      const before = project.digest(...entries);
      assertEquals(project.digest(...entries), before);
      change(project);
      assertNotEquals(project.digest(...entries), before);
    });
  }
}

Deno.test("a link's target can be created later", () => {
  using project = new Project({ "src/l": "-> ../lib" });
  assertEquals(project.names("src/**/*.ts"), []);
  project.put({ "lib/f.ts": "1" });
  assertEquals(project.names("src/**/*.ts"), ["src/l/f.ts"]);
});

Deno.test("links that lead to too many paths are reported as a problem, unless excluded", () => {
  const tree: Record<string, string> = { "src/l": "-> ../d0" };
  for (let level = 0; level < 40; level++) {
    tree[`d${level}/a`] = `-> ../d${level + 1}`;
    tree[`d${level}/b`] = `-> ../d${level + 1}`;
  }
  tree["d40/f"] = "1";
  using project = new Project(tree);
  assertMatch(project.problem("src") ?? "", /leads to more than 50000 files and folders: exclude/);
  assertEquals(project.problem("src", "!src/l"), undefined);
});

Deno.test("a task's outputs are not its inputs, even if a link in its inputs leads to them", async () => {
  using project = new Project({
    "src/f": "1",
    "out/": "",
    "src/made": "-> ../out",
    "deno.json": JSON.stringify({
      tasks: { b: { command: "mkdir -p out && cp src/f out/f", files: ["src"], output: ["out"] } },
    }),
  });
  await using cooker = new DirectCooker(project.root);
  assertEquals((await cooker.run(["b"])).ran, ["b"]);
  assertEquals((await cooker.run(["b"])).cached, ["b"]);
});

Deno.test("files behind a link to a folder are not outputs", async () => {
  using project = new Project({
    "src/f": "1",
    "lib/own": "by hand",
    "deno.json": JSON.stringify({
      tasks: {
        b: {
          command: "mkdir -p out && rm -f out/l && ln -s ../lib out/l && cp src/f out/f",
          files: ["src"],
          output: ["out"],
        },
      },
    }),
  });
  await using cooker = new DirectCooker(project.root);
  assertEquals((await cooker.run(["b"])).ran, ["b"]);
  project.remove("out");
  project.put({ "lib/own": "edited" });
  assertEquals((await cooker.run(["b"])).cached, ["b"]);
  assertEquals(Deno.readLinkSync(`${project.root}/out/l`), "../lib");
  assertEquals(Deno.readTextFileSync(`${project.root}/lib/own`), "edited");
});

Deno.test("an edit behind a link is a miss, and wakes a watch", async () => {
  using project = new Project({
    "lib/f": "1",
    "src/l": "-> ../lib",
    "deno.json": JSON.stringify({
      tasks: { b: { command: "cat src/l/f > out", files: ["src/**/f"], output: ["out"] } },
    }),
  });
  await using cooker = new DirectCooker(project.root);
  assertEquals((await cooker.run(["b"])).ran, ["b"]);
  assertEquals((await cooker.run(["b"])).cached, ["b"]);
  project.put({ "lib/f": "2" });
  assertEquals((await cooker.run(["b"])).ran, ["b"]);
  assertEquals(Deno.readTextFileSync(`${project.root}/out`), "2");
  cooker.watchInputs(["b"], "w");
  await cooker.tick();
  project.put({ "lib/f": "33" });
  await cooker.tickUntilEvent();
  const [event] = cooker.events;
  assert(event?.type === "InputsChanged", JSON.stringify(event));
});
