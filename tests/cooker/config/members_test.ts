import { assert, assertEquals, assertThrows } from "@std/assert";
import { ProjectConfig } from "../../../cooker/config/project.ts";
import { findProject } from "../../../project/root.ts";
import { projectErrorData, WireError } from "../../../wire/errors.ts";

type Files = Readonly<Record<string, string | object>>;

async function inFolder(files: Files, test: (root: string) => void): Promise<void> {
  const root = await Deno.realPath(await Deno.makeTempDir());
  try {
    for (const [path, content] of Object.entries(files)) {
      await Deno.mkdir(`${root}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
      const text = typeof content === "string" ? content : JSON.stringify(content);
      await Deno.writeTextFile(`${root}/${path}`, text);
    }
    test(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** Returns the members of a workspace relative to its root, sorted. */
function membersOf(root: string): string[] {
  const [, ...members] = new ProjectConfig({ root }).workspace().folders;
  return members.map(({ folder }) => folder.slice(root.length + 1));
}

const PACKAGES: Files = {
  "apps/web/package.json": {},
  "libs/package.json": {},
  "libs/a/package.json": {},
  "libs/a/test/fixture/package.json": {},
  "libs/a/node_modules/x/package.json": {},
  "libs/.hidden/package.json": {},
  "libs/empty/README": "",
  "libs/b/package.json": {},
};

/** Roots of workspaces, and the members that the package manager finds. */
const ROOTS: readonly (readonly [root: Files, members: readonly string[]])[] = [
  [{ "package.json": { workspaces: ["libs/*"] } }, ["libs/a", "libs/b"]],
  [{ "package.json": { workspaces: { packages: ["./libs/*/", "apps/web"] } } }, [
    "apps/web",
    "libs/a",
    "libs/b",
  ]],
  [{ "package.json": { workspaces: ["{apps,libs}/*", "!**/a"] } }, ["apps/web", "libs/b"]],
  [{ "package.json": { workspaces: ["libs/empty", "libs/a"] } }, ["libs/a"]],
  [{ "pnpm-workspace.yaml": "packages:\n  - 'libs/**'\n  - '!**/test/**'\n" }, [
    "libs",
    "libs/a",
    "libs/b",
  ]],
  [{ "package.json": {}, "pnpm-workspace.yaml": 'packages: [apps/*, "libs/b"] # all\n' }, [
    "apps/web",
    "libs/b",
  ]],
  [{ "package.json": {}, "pnpm-workspace.yaml": "packages: &all\n- libs/a\ncatalog: *all\n" }, [
    "libs/a",
  ]],
  [{ "package.json": {}, "pnpm-workspace.yaml": "onlyBuiltDependencies: [esbuild]\n" }, []],
  [{ "package.json": {}, "pnpm-workspace.yaml": "" }, []],
  [{
    "deno.json": { workspace: { members: ["./libs/b"] } },
    "package.json": { workspaces: ["apps/*"] },
  }, [
    "apps/web",
    "libs/b",
  ]],
];

Deno.test("the members of npm, pnpm, yarn, Bun and Deno workspaces are found", async () => {
  for (const [root, members] of ROOTS) {
    await inFolder({ ...PACKAGES, ...root }, (folder) => {
      assertEquals(membersOf(folder), members, JSON.stringify(root));
      for (const each of members) assertEquals(findProject(`${folder}/${each}`)?.root, folder);
      assertEquals(findProject(folder)?.root, folder);
    });
  }
});

Deno.test("every package below a pnpm-workspace.yaml belongs to its workspace, but no Deno project", async () => {
  const files = { ...PACKAGES, "pnpm-workspace.yaml": "packages: []\n", "tools/deno.json": {} };
  await inFolder(files, (root) => {
    assertEquals(findProject(`${root}/libs/a/test/fixture`)?.root, root);
    assertEquals(findProject(`${root}/tools`)?.root, `${root}/tools`);
  });
});

const MISTAKES:
  readonly (readonly [files: Files, place: string, words: string, nearest?: string])[] = [
    [
      { "package.json": '{\n  "workspaces": ["apps/*", "libs/bb"]\n}' },
      "package.json:2:28",
      'the workspace member "libs/bb" does not exist. Did you mean "libs/b"?',
      "libs/b",
    ],
    [{ "deno.json": '{"workspace": ["./none"]}' }, "deno.json:1:16", '"./none" does not exist'],
    [{ "deno.json": '{"workspace": ["../x"]}' }, "deno.json:1:16", '"../x" is outside'],
    [
      { "pnpm-workspace.yaml": "packages:\n  - libs/a\n  - ../../*\n" },
      "pnpm-workspace.yaml:3:5",
      '"../../*" is outside',
    ],
    [
      { "pnpm-workspace.yaml": "packages:\n  - [a]\n" },
      "pnpm-workspace.yaml:2:5",
      '"packages" must be a list of strings',
    ],
    [{ "pnpm-workspace.yaml": "packages: libs\n" }, "pnpm-workspace.yaml:1:11", "must be a list"],
    [{ "pnpm-workspace.yaml": "- libs\n" }, "pnpm-workspace.yaml:1:1", "a mapping is expected"],
    [{ "pnpm-workspace.yaml": 'packages:\n  - "libs\n' }, "pnpm-workspace.yaml:3:1", "quote"],
    [
      { "pnpm-workspace.yaml": "[".repeat(100_000) },
      "pnpm-workspace.yaml:1:",
      "nested too deeply",
    ],
    [
      {
        "package.json": { workspaces: ["libs/*"] },
        "libs/a/package.json": { name: "same" },
        "libs/b/package.json": '{\n "name": "same"\n}',
      },
      "libs/b/package.json:2:10",
      'the package name "same" is also that of',
    ],
  ];

Deno.test("an invalid workspace is an error with its file, line, column and the nearest right name", async () => {
  for (const [files, place, words, nearest] of MISTAKES) {
    await inFolder({ ...PACKAGES, ...files }, (root) => {
      const error = assertThrows(() => membersOf(root), WireError);
      assert(error.message.startsWith(`Invalid config: ${root}/${place}`), error.message);
      assert(error.message.includes(words), error.message);
      const data = projectErrorData(error);
      assertEquals([data?.kind, data?.nearest], ["invalid-config", nearest]);
    });
  }
});

Deno.test("packages of one name are called by their paths in a workspace of pnpm, which accepts them", async () => {
  const files = {
    "package.json": {},
    "pnpm-workspace.yaml": "packages: [libs/*]\n",
    "libs/a/package.json": { name: "same" },
    "libs/b/package.json": { name: "same" },
    "libs/c/package.json": { name: "c" },
  };
  await inFolder(files, (root) => {
    const workspace = new ProjectConfig({ root }).workspace();
    const names = workspace.folders.map(({ folder }) => workspace.packageAt(folder));
    assertEquals(names, [undefined, "libs/a", "libs/b", "c"]);
    assertEquals(workspace.named("libs/b").map(({ folder }) => folder), [`${root}/libs/b`]);
  });
});

Deno.test("the root may have the name of a member, which then is the member's alone", async () => {
  const files = {
    "package.json": { name: "x", workspaces: ["libs/*"] },
    "libs/a/package.json": { name: "x" },
  };
  await inFolder(files, (root) => {
    const workspace = new ProjectConfig({ root }).workspace();
    assertEquals(workspace.named("x").map(({ folder }) => folder), [`${root}/libs/a`]);
    assertEquals(workspace.packageAt(root), undefined);
  });
});
