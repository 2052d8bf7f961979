import { assertEquals } from "@std/assert";
import { expandBraces } from "../../../cooker/inputs/glob.ts";
import { GitIgnore } from "../../../cooker/inputs/git_ignore.ts";
import { GlobPatterns } from "../../../cooker/inputs/glob_patterns.ts";
import { matchingVariables } from "../../../cooker/config/variable_patterns.ts";
import { frameworkVariables } from "../../../cooker/config/frameworks.ts";

const GLOBS: readonly (readonly [
  dialect: "turbo" | "wireit",
  entries: readonly string[],
  matched: readonly string[],
  others: readonly string[],
])[] = [
  ["turbo", ["dist"], ["dist", "dist/a/b", "dist/.x"], ["dists", "a/dist"]],
  ["turbo", ["dist/**"], ["dist/a", "dist/a/.b/c"], ["dist"]],
  ["turbo", ["*"], ["a", ".b"], ["a/b"]],
  ["turbo", ["d*"], ["d", "dist", "dist/a"], ["a/d"]],
  ["turbo", ["**/*.ts"], ["a.ts", "x/y/b.ts", "x/.z/c.ts"], ["a.TS", "a.tsx"]],
  ["turbo", ["src/*/x?.[jt]s"], ["src/a/x1.js", "src/b/xx.ts"], [
    "src/x1.js",
    "src/a/x.js",
    "src/a/x1.cs",
  ]],
  ["turbo", ["a/{b,c/{d,e}}.x"], ["a/b.x", "a/c/d.x", "a/c/e.x"], ["a/c.x", "a/{b,c}.x"]],
  ["turbo", ["a/**/b/**/c"], ["a/b/c", "a/x/b/y/z/c", "a/b/b/c/c"], ["a/c", "b/c"]],
  ["turbo", ["a\\*", "[!a]b"], ["a*", "xb"], ["ab"]],
  ["turbo", ["!x", "**"], ["a"], ["x", "x/y"]],
  ["turbo", ["../up/*.x"], ["../up/a.x"], ["up/a.x"]],
  ["wireit", ["foo"], ["foo", "foo/.a/b"], ["foos"]],
  ["wireit", ["foo/*"], ["foo/a", "foo/a/b"], ["foo"]],
  ["wireit", ["/foo/"], ["foo/a"], ["a/foo"]],
  ["wireit", ["**", "!a/**", "a/b"], ["c", "a/b", "a/b/c"], ["a/c"]],
  ["wireit", ["!a", "**"], ["a"], []],
];

for (const [dialect, entries, matched, others] of GLOBS) {
  Deno.test(`globs of ${dialect}: ${entries.join(" ")}`, () => {
    const patterns = new GlobPatterns("/r/p", { dialect, entries });
    const path = (each: string): string => new URL(each, "file:///r/p/").pathname;
    for (const each of matched) assertEquals(patterns.matches(path(each)), true, each);
    for (const each of others) assertEquals(patterns.matches(path(each)), false, each);
    for (const each of matched) {
      const parts = each.replace(/^\.\.\/[^/]+\//, "").split("/").slice(0, -1);
      const base = each.startsWith("../") ? "/r/up" : "/r/p";
      parts.forEach((_, at) => {
        const folder = [base, ...parts.slice(0, at + 1)].join("/");
        const isBehind = patterns.bases.some((each) => each.startsWith(`${folder}/`));
        assertEquals(isBehind || patterns.reachesInto(folder), true, folder);
      });
    }
  });
}

Deno.test("braces that would expand to too many globs are literal", () => {
  assertEquals(expandBraces("{a,b}{c,d}"), ["ac", "ad", "bc", "bd"]);
  assertEquals(expandBraces("{a}\\{b,c}"), ["{a}\\{b,c}"]);
  const many = "{a,b}".repeat(20);
  assertEquals(expandBraces(many), [many]);
});

Deno.test("many ** and * match a long path without exponential backtracking", () => {
  const entries = [`${"**/a*/".repeat(30)}x`, `${"*a".repeat(30)}b`];
  const patterns = new GlobPatterns("/r", { dialect: "turbo", entries });
  assertEquals(patterns.matches(`/r/${"aaaa/".repeat(200)}y`), false);
  assertEquals(patterns.matches(`/r/${"a".repeat(2000)}`), false);
});

const IGNORED:
  readonly (readonly [rules: string, ignored: readonly string[], kept: readonly string[]])[] = [
    ["dist\n*.log", ["dist/a", "x/dist/a", "a.log", "x/y.log"], ["dists", "log"]],
    ["/dist\nx/y", ["dist/a", "x/y/z"], ["x/dist", "a/x/y"]],
    ["dist/", ["dist/a"], ["dist"]],
    ["*.log\n!keep.log", ["a.log"], ["keep.log"]],
    ["x\n!x/keep", ["x/keep"], []],
    ["**/a/b\nc/**/d\ne/**", ["x/a/b", "a/b", "c/d", "c/x/y/d", "e/x"], ["a/x/b", "e"]],
    ["# comment\n\\#a\n\\!b\nc\\ \nd  ", ["#a", "!b", "c ", "d"], ["comment", "c"]],
    ["[ab].x\n?y", ["a.x", "b.x", "zy"], ["c.x", "y"]],
  ];

for (const [rules, ignored, kept] of IGNORED) {
  Deno.test(`.gitignore: ${JSON.stringify(rules)}`, () => {
    const root = Deno.realPathSync(Deno.makeTempDirSync());
    try {
      Deno.mkdirSync(`${root}/.git`);
      Deno.writeTextFileSync(`${root}/.gitignore`, rules);
      const git = new GitIgnore(root);
      for (const each of ignored) assertEquals(git.ignores(`${root}/${each}`, "file"), true, each);
      for (const each of kept) assertEquals(git.ignores(`${root}/${each}`, "file"), false, each);
    } finally {
      Deno.removeSync(root, { recursive: true });
    }
  });
}

Deno.test("a deeper .gitignore comes before those above it, which apply in the whole repository", () => {
  const root = Deno.realPathSync(Deno.makeTempDirSync());
  try {
    Deno.mkdirSync(`${root}/.git/info`, { recursive: true });
    Deno.mkdirSync(`${root}/p/q`, { recursive: true });
    Deno.writeTextFileSync(`${root}/.git/info/exclude`, "secret");
    Deno.writeTextFileSync(`${root}/.gitignore`, "*.x\n/p/only");
    Deno.writeTextFileSync(`${root}/p/.gitignore`, "!a.x");
    const git = new GitIgnore(`${root}/p`);
    const ignored = ["p/q/b.x", "p/a.x", "p/q/a.x", "p/only", "p/q/only", "p/secret"]
      .filter((each) => git.ignores(`${root}/${each}`, "file"));
    assertEquals(ignored, ["p/q/b.x", "p/only", "p/secret"]);
    assertEquals(git.reads(`${root}/p/q/.gitignore`), true);
    Deno.writeTextFileSync(`${root}/p/.gitignore`, "");
    git.refresh();
    assertEquals(git.ignores(`${root}/p/a.x`, "file"), true);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

const VARIABLES: readonly (readonly [patterns: readonly string[], matched: readonly string[]])[] = [
  [["*"], ["!FOO", "BAR", "FOO", "FOO!", "FOO*", "FOOD"]],
  [["*", "!FOO*"], ["!FOO", "BAR"]],
  [["FOO*"], ["FOO", "FOO!", "FOO*", "FOOD"]],
  [["FOO\\*"], ["FOO*"]],
  [["\\!FOO"], ["!FOO"]],
  [["FOO!"], ["FOO!"]],
  [["!FOO"], []],
  [["npm_package_name", "BAR"], ["BAR", "npm_package_name"]],
];

for (const [patterns, matched] of VARIABLES) {
  Deno.test(`variables: ${patterns.join(" ")}`, () => {
    const names = ["FOO", "FOOD", "FOO*", "!FOO", "FOO!", "BAR", "npm_package_name"];
    const env = Object.fromEntries(names.map((name) => [name, ""]));
    assertEquals(matchingVariables([patterns], env), matched);
  });
}

Deno.test("the variables of frameworks are found by the packages that a project depends on", () => {
  const of = (...names: string[]): string[] => frameworkVariables(new Set(names));
  assertEquals(of("react"), []);
  assertEquals(of("vite"), ["VITE_*"]);
  assertEquals(of("react-scripts"), ["REACT_APP_*"]);
  assertEquals(of("solid-js"), []);
  assertEquals(of("solid-js", "solid-start"), ["VITE_*"]);
  assertEquals(of("@sveltejs/kit", "vite"), ["VITE_*", "PUBLIC_*"]);
  assertEquals(of("gatsby"), ["GATSBY_*"]);
});
