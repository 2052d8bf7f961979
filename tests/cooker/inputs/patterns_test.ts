import { assert, assertEquals } from "@std/assert";
import { PathPatterns } from "../../../cooker/inputs/patterns.ts";

Deno.test("patterns match like regular expressions, but without exponential backtracking", () => {
  let seed = 3;
  const next = (below: number): number =>
    Math.floor((seed = (seed * 1103515245 + 12345) % 2 ** 31) / 2 ** 31 * below);
  const random = (letters: string, length: number): string =>
    Array.from({ length }, () => letters[next(letters.length)]).join("");
  let matched = 0;
  for (let round = 0; round < 10_000; round++) {
    const pattern = `${random("ab.*?", 1 + next(4))}*${random("aB?*", next(8))}*a*`;
    if (pattern.includes("**")) continue;
    const name = random("abA.", 1 + next(10));
    const source = [...pattern]
      .map((each) => each === "*" ? "[^/]*" : each === "?" ? "[^/]" : RegExp.escape(each)).join("");
    const dots = /^[*?]/.test(pattern) ? "(?!\\.)" : "";
    const expected = new RegExp(`^${dots}${source}$`, "isu").test(name);
    const actual = PathPatterns.parse("/p", [pattern])?.matches(`/p/${name}`);
    assertEquals(actual, expected, `${pattern} on ${name}`);
    if (expected) matched++;
  }
  assert(matched > 100, `only ${matched} matched`);
  // Regular expressions would backtrack and not finish in practice.
  const [long, deep] = [`/p/${"a".repeat(250)}`, `/p/${"a/".repeat(200)}b`];
  assertEquals(PathPatterns.parse("/p", [`${"*a".repeat(20)}*b`])?.matches(long), false);
  assertEquals(PathPatterns.parse("/p", [`${"**/".repeat(50)}c`])?.matches(deep), false);
  assertEquals(PathPatterns.parse("/p", [`${"**/".repeat(50)}b`])?.matches(deep), true);
});

Deno.test("empty parts and '.' in an entry have no effect", () => {
  const paths = [
    "/p/src/a.ts",
    "/p/src/x/b.ts",
    "/p/src/.c.ts",
    "/p/a.ts",
    "/p/srca.ts",
    "/q/a.ts",
  ];
  const same: readonly (readonly [string, readonly string[]])[] = [
    ["src/*.ts", ["src//*.ts", "./src/*.ts", "./src/./*.ts", ".//src///*.ts", "/p/src/*.ts"]],
    ["src/**/*.ts", ["src//**//*.ts", "src/./**/./*.ts", "src/**/.//*.ts"]],
    ["src", ["src/", "./src", "src//", "src/.", "./src/./", "/p/src"]],
    ["*.ts", ["./*.ts", ".//*.ts", "././*.ts"]],
    ["**", ["./**", "**/.", "**//"]],
  ];
  const matched = (...entries: string[]): (boolean | undefined)[] =>
    paths.map((path) => PathPatterns.parse("/p", entries)?.matches(path));
  for (const [plain, others] of same) {
    assert(matched(plain).includes(true), plain);
    for (const other of others) {
      assertEquals(matched(other), matched(plain), other);
      assertEquals(matched("**", `!${other}`), matched("**", `!${plain}`), `!${other}`);
    }
  }
});
