import { assertEquals } from "@std/assert";
import { isMeant, OffLimits } from "../../../cooker/cache/off_limits.ts";
import { PathPatterns } from "../../../cooker/inputs/patterns.ts";

/** Creates a temporary folder with the given files. Its disposal removes it. */
function makeTree(files: Readonly<Record<string, string>>): { root: string } & Disposable {
  const root = Deno.realPathSync(Deno.makeTempDirSync());
  for (const [path, text] of Object.entries(files)) {
    Deno.mkdirSync(`${root}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    Deno.writeTextFileSync(`${root}/${path}`, text);
  }
  return { root, [Symbol.dispose]: () => Deno.removeSync(root, { recursive: true }) };
}

function refusals(limits: OffLimits, folder: string, paths: readonly string[]): string[] {
  return paths.filter((path) => limits.reason({ path, real: path }, folder) !== undefined);
}

Deno.test("the config file of a run is off limits, whatever its name", () => {
  using tree = makeTree({ "ci.jsonc": "{}" });
  const { root } = tree;
  const limits = new OffLimits({ root, config: `${root}/ci.jsonc` });
  const paths = [`${root}/ci.jsonc`, `${root}/CI.jsonc`, `${root}/cd.jsonc`, `${root}/x/ci.jsonc`];
  assertEquals(refusals(limits, root, paths), paths.slice(0, 2));
});

Deno.test("a member's config is off limits by wildcard, name or link, but other folders' configs are not", () => {
  using tree = makeTree({
    "deno.json": JSON.stringify({ workspace: ["packages/*", "!packages/out", "./linked"] }),
    "package.json": JSON.stringify({ workspaces: ["apps/web"] }),
    "libs/a/x": "",
  });
  const { root } = tree;
  Deno.symlinkSync("libs/a", `${root}/linked`);
  const limits = new OffLimits({ root });
  const refused = ["packages/a", "linked", "libs/a", "apps/web", "task"];
  const allowed = ["packages/out", "packages/a/dist", "libs/b", "apps/docs", "dist"];
  const paths = [...refused, ...allowed].map((folder) => `${root}/${folder}/package.json`);
  assertEquals(refusals(limits, `${root}/task`, paths), paths.slice(0, refused.length));
});

Deno.test("the repository that a .git file or link leads to is off limits", () => {
  using tree = makeTree({
    "deno.json": "{}",
    ".git": "gitdir: ./.bare/worktrees/main\n",
    "sub/x": "",
    ".bare/worktrees/main/commondir": "../..\n",
  });
  const { root } = tree;
  Deno.mkdirSync(`${root}/.store`);
  Deno.symlinkSync("../.store", `${root}/sub/.git`);
  const limits = new OffLimits({ root });
  const refused = [
    ".git",
    ".bare/worktrees/main/HEAD",
    ".bare/hooks/x",
    ".store/hooks/x",
    "sub/.git/hooks/x",
  ];
  const allowed = [".bare2", "vendor/x/.git/config", ".gitignore", ".github/x"];
  const paths = [...refused, ...allowed].map((path) => `${root}/${path}`);
  assertEquals(refusals(limits, `${root}/sub`, paths), paths.slice(0, refused.length));
});

Deno.test("protected names match regardless of case and of characters that some file systems ignore", () => {
  using tree = makeTree({ "deno.json": JSON.stringify({ workspace: ["./tools/Two", "Apps/*"] }) });
  const { root } = tree;
  const refused = [".g\u200cit/hooks/x", ".GIT/x", "DENO.json", "TOOLS/two/deno.json"];
  refused.push("apps/A/package.json", "a/.Simmer/x");
  const paths = refused.map((path) => `${root}/${path}`);
  assertEquals(refusals(new OffLimits({ root }), root, paths), paths);
});

Deno.test("a project below folders named .simmer and .git has the same limits as any other", () => {
  using tree = makeTree({ ".simmer/.git/project/deno.json": "{}" });
  const root = `${tree.root}/.simmer/.git/project`;
  const paths = ["dist/x", ".simmer/x", ".git/x"].map((path) => `${root}/${path}`);
  assertEquals(refusals(new OffLimits({ root }), root, paths), paths.slice(1));
});

Deno.test("refresh applies changes of the config", () => {
  using tree = makeTree({ "deno.json": "{}" });
  const { root } = tree;
  const limits = new OffLimits({ root });
  const path = `${root}/packages/a/deno.json`;
  assertEquals(refusals(limits, root, [path]), []);
  Deno.writeTextFileSync(`${root}/deno.json`, JSON.stringify({ workspace: ["packages/*"] }));
  limits.refresh();
  assertEquals(refusals(limits, root, [path]), [path]);
});

Deno.test("isMeant follows the rules of the search for outputs", () => {
  const cases: readonly (readonly [readonly string[], string, "file" | "folder", boolean])[] = [
    [["dist"], "dist/a/b.js", "file", true],
    [["dist"], "dist", "file", true],
    [["dist"], "distant", "file", false],
    [["dist", "!dist/a"], "dist/a/b.js", "file", false],
    [["dist", "!dist/*"], "dist/a/b.js", "file", false],
    [["dist"], "dist/node_modules/a", "file", false],
    [["dist"], "dist/.git", "folder", false],
    [["dist"], "dist/.git", "file", true],
    [["dist/node_modules"], "dist/node_modules/a", "file", true],
    [["dist/**/*.js"], "dist/a/b.js", "file", true],
    [["dist/**/*.js"], "dist/.a/b.js", "file", false],
    [[], "dist", "file", false],
  ];
  for (const [entries, path, kind, expected] of cases) {
    const patterns = PathPatterns.parse("/p", entries);
    const actual = patterns !== undefined && isMeant(patterns, `/p/${path}`, kind);
    assertEquals(actual, expected, `${entries}: ${path}`);
  }
});
