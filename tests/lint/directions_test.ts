import { assertEquals } from "@std/assert";
import plugin from "../../lint/directions.ts";

const PROJECT = new URL("../../", import.meta.url).pathname;

function messages(file: string, code: string, project = PROJECT): string[] {
  return Deno.lint.runPlugin(plugin, `${project}${file}`, code).map(({ message }) => message);
}

const CASES: readonly [string, string, number][] = [
  ["wire/a.ts", 'import { b } from "./b.ts";', 0],
  ["wire/a.ts", 'import { b } from "../system/b.ts";', 1],
  ["system/a.ts", 'import type { B } from "../wire/b.ts";', 1],
  ["cooker/config/a.ts", 'import { b } from "../graph.ts";', 0],
  ["cooker/a.ts", 'import { b } from "../server/b.ts";', 1],
  ["cooker/a.ts", 'import type { B } from "../server/b.ts";', 0],
  ["cooker/a.ts", 'import { b } from "../lock/b.ts";', 1],
  ["server/a.ts", 'import { b } from "../rpc/b.ts";', 0],
  ["rpc/a.ts", 'import type { B } from "../server/b.ts";', 1],
  ["server/a.ts", 'import type { B } from "../cooker/b.ts";', 1],
  ["server/a.ts", 'import type { B } from "../project/b.ts";', 1],
  ["app/a.ts", 'import { b } from "../cooker/b.ts";', 0],
  ["app/a.ts", 'import { b } from "../cli.ts";', 1],
  ["client/server/a.ts", 'import { b } from "../../project/b.ts";', 0],
  ["wire/a.ts", 'import { b } from "../tests/b.ts";', 1],
  ["attic/a.ts", 'import { b } from "@std/fs";', 1],
  ["server/a.ts", 'export { b } from "../client/b.ts";', 1],
  ["client/a.ts", 'const b = await import("../server/b.ts");', 1],
  ["client/a.ts", 'import { b } from "../wire/mod.ts";', 1],
  ["client/a.ts", 'import type { B } from "../wire/commands.ts";', 0],
  ["client/a.ts", 'const b = await import("../wire/describe.ts");', 0],
  ["main.ts", 'import { b } from "./server/b.ts";', 0],
  ["tests/server/a.ts", 'import { b } from "../../client/b.ts";', 0],
  ["server/a.ts", "Deno.exit(1);", 1],
  ["server/a.ts", "throw new Deno.errors.NotFound();", 0],
  ["server/a.ts", 'import fs from "node:fs";', 1],
  ["system/a.ts", 'import fs from "node:fs"; Deno.exit(1);', 0],
  ["forward/a.ts", "Deno.exit(1);", 0],
];

for (const [file, code, count] of CASES) {
  Deno.test(`the lint plugin ${count === 0 ? "allows" : "refuses"} in ${file}: ${code}`, () => {
    assertEquals(messages(file, code).length, count, messages(file, code).join("\n"));
  });
}

Deno.test("the lint plugin ignores files of other projects", () => {
  assertEquals(messages("wire/a.ts", 'import { b } from "../system/b.ts";', "/elsewhere/"), []);
});
