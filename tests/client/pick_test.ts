/** Picking a task: keys, the filter, and the rows on the screen. */

import { assertEquals } from "@std/assert";
import { type Choice, choiceOf, typed } from "../../client/pick/choice.ts";
import { choiceRows } from "../../client/pick/choice_rows.ts";
import { type Key, KeyReader } from "../../client/pick/keys.ts";
import { PLAIN } from "../../client/render/style.ts";

const encoder = new TextEncoder();

function keysOf(...pieces: string[]): string[] {
  const reader = new KeyReader();
  const keys = pieces.flatMap((piece) => reader.read(encoder.encode(piece)));
  return [...keys, ...reader.expire()].map((key) =>
    key.kind === "text" ? `'${key.text}'` : key.key
  );
}

Deno.test("bytes of a terminal are split into keys, however they come", () => {
  assertEquals(keysOf("ab\x1b[A\x1bOBc\r"), ["'ab'", "up", "down", "'c'", "enter"]);
  assertEquals(keysOf("\x1b", "[", "5~"), ["pageUp"]);
  assertEquals(keysOf("\x1b"), ["escape"]);
  assertEquals(keysOf("\x1b\x1b[B"), ["escape", "down"]);
  assertEquals(keysOf("\x1b[1;5C\x1b[200~x\x1bq\x00\x01"), ["'x'"]);
  assertEquals(keysOf("\x03\x04\x1a\t\x1b[Z\x7f\x15\x17\x0e\x10"), [
    ...["interrupt", "end", "suspend", "tab", "shiftTab", "backspace", "deleteLine", "deleteWord"],
    ...["down", "up"],
  ]);
  const reader = new KeyReader();
  const [first, second] = [encoder.encode("é").slice(0, 1), encoder.encode("é").slice(1)];
  assertEquals(reader.read(first), []);
  assertEquals(reader.read(second), [{ kind: "text", text: "é" }]);
});

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
    const key = (name.startsWith("'")
      ? { kind: "text", text: name.slice(1) }
      : { kind: "key", key: name }) as Key;
    const chosen = typed(choice, key);
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
  assertEquals(names(after("'unit", "deleteLine", "'te")), ["test", "test:unit"]);
  assertEquals(names(after("'te xx", "deleteWord")), ["test", "test:unit"]);
  assertEquals(names(after("'lintx", "backspace")), ["lint"]);
});

Deno.test("keys move, mark, pick and leave", () => {
  assertEquals(after("enter"), "build");
  assertEquals(after("down", "down", "up", "enter"), "test");
  assertEquals(after("up", "enter"), "lint");
  assertEquals(after("pageDown", "enter"), "test:unit");
  assertEquals(after("pageDown", "pageDown", "pageDown", "enter"), "lint");
  assertEquals(after("pageDown", "pageUp", "pageUp", "enter"), "build");
  assertEquals(after("down", "tab", "'lint", "tab", "enter"), "test lint");
  assertEquals(after("tab", "up", "tab", "enter"), "test");
  assertEquals(names(after("'none", "enter", "down", "tab")), []);
  for (const key of ["escape", "interrupt", "end"]) assertEquals(after(key), "left");
  assertEquals(names(after("'lint", "end")), ["lint"]);
  assertEquals(after("suspend"), "suspend");
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
