/** Picking a task: keys, the filter, and the rows on the screen. */

import { assertEquals } from "@std/assert";
import { type Choice, choiceOf, typed } from "../../client/pick/choice.ts";
import { choiceRows } from "../../client/pick/choice_rows.ts";
import { PLAIN } from "../../client/render/style.ts";

const ITEMS = [
  { name: "build", note: "compiles everything" },
  { name: "test", note: "runs the tests" },
  { name: "test:unit", note: "" },
  { name: "lint", note: "no build" },
];

/** Handles keys. Returns the open choice, or the end. */
function after(...keys: string[]): Choice | string {
  let choice = choiceOf(ITEMS, 2);
  for (const name of keys) {
    const input = name.startsWith("'")
      ? { kind: "paste", text: name.slice(1) } as const
      : { kind: "key", key: name } as const;
    const chosen = typed(choice, input);
    if (chosen.kind === "done") {
      return chosen.names.join(" ");
    }
    if (chosen.kind !== "open") {
      return chosen.kind;
    }
    choice = chosen.choice;
  }
  return choice;
}

function names(choice: Choice | string): string[] {
  return typeof choice === "string" ? [choice] : choice.shown.map(({ name }) => name);
}

Deno.test("the filter keeps items with all words, names that begin with them first", () => {
  assertEquals(names(after()), ["build", "test", "test:unit", "lint"]);
  assertEquals(names(after("'BUILD")), ["build", "lint"]);
  assertEquals(names(after("'t", "'est uni")), ["test:unit"]);
  assertEquals(names(after("'test nothing")), []);
  assertEquals(names(after("'unit", "ctrl-u", "'te")), ["test", "test:unit"]);
  assertEquals(names(after("'te xx", "ctrl-w")), ["test", "test:unit"]);
  assertEquals(names(after("'lintx", "backspace")), ["lint"]);
});

Deno.test("keys move, mark, pick and leave", () => {
  assertEquals(after("enter"), "build");
  assertEquals(after("down", "down", "up", "enter"), "test");
  assertEquals(after("up", "enter"), "lint");
  assertEquals(after("pagedown", "enter"), "test:unit");
  assertEquals(after("pagedown", "pagedown", "pagedown", "enter"), "lint");
  assertEquals(after("pagedown", "pageup", "pageup", "enter"), "build");
  assertEquals(after("down", "tab", "'lint", "tab", "enter"), "test lint");
  assertEquals(after("tab", "up", "tab", "enter"), "test");
  assertEquals(names(after("'none", "enter", "down", "tab")), []);
  for (const key of ["esc", "ctrl-c", "ctrl-d"]) assertEquals(after(key), "left");
  assertEquals(names(after("'lint", "ctrl-d")), ["lint"]);
  assertEquals(names(after("t", "e", "s", "t", "space", "u", "n", "i", "f1", "alt-x")), [
    "test:unit",
  ]);
  assertEquals(after("ctrl-z"), "suspend");
});

/** Rows of a choice on a screen. */
function rows(choice: Choice | string, columns: number, lines: number): string[] {
  if (typeof choice === "string") throw new Error(choice);
  const size = { columns, rows: lines };
  return choiceRows(choice, { prompt: "run: ", size, style: PLAIN }).rows.map(({ text }) => text);
}

Deno.test("rows show the items around the current one, marks, and fit the screen", () => {
  const hint = "Enter runs, Tab marks several, Esc cancels";
  assertEquals(rows(after("tab"), 80, 24), [
    "run: ",
    "  * build      compiles everything",
    ">   test       runs the tests",
    "    test:unit",
    "    lint       no build",
    `  4 of 4, 1 marked; ${hint}`,
  ]);
  assertEquals(rows(after("up", "'t"), 80, 5), [
    "run: t",
    ">   test       runs the tests",
    "    test:unit",
    `  4 of 4; ${hint}`,
  ]);
  assertEquals(rows(after("up"), 14, 4), ["run: ", ">   lint    …", "  4 of 4; En…"]);
  assertEquals(rows(after("'abcdefghijklmnop"), 14, 4), ["run: jklmnop", "  0 of 4; En…"]);
  assertEquals(rows(after(), 1, 1), ["…"]);
});
