import { assertEquals } from "@std/assert";
import { type Input, KeyParser } from "../../client/keys.ts";
import { actionOf, HELP } from "../../client/ui/keymap.ts";

/** Parses pieces as they come, and says what is left. */
function parsed(...pieces: readonly string[]): { inputs: Input[]; isPending: boolean } {
  const parser = new KeyParser();
  const inputs: Input[] = [];
  for (const piece of pieces) {
    parser.push(new TextEncoder().encode(piece));
    for (let input = parser.next(); input !== undefined; input = parser.next()) inputs.push(input);
  }
  return { inputs, isPending: parser.isPending };
}

function keysOf(...pieces: readonly string[]): string[] {
  return parsed(...pieces).inputs.map((input) => input.kind === "key" ? input.key : input.kind);
}

Deno.test("KeyParser names the keys that terminals send, also in application mode", () => {
  assertEquals(keysOf("jG é日"), ["j", "G", "space", "é", "日"]);
  assertEquals(keysOf("\x1b[A\x1bOB\x1b[5~\x1b[1;5C\x1bOP"), [
    "up",
    "down",
    "pageup",
    "right",
    "f1",
  ]);
  assertEquals(keysOf("\r\t\x7f\x03\x1a\x1bx"), [
    "enter",
    "tab",
    "backspace",
    "ctrl-c",
    "ctrl-z",
    "alt-x",
  ]);
});

Deno.test("KeyParser waits for the rest of a sequence, and a lone ESC is the key", () => {
  assertEquals(keysOf("\x1b", "[", "6", "~q"), ["pagedown", "q"]);
  const parser = new KeyParser();
  parser.push(new Uint8Array([0x1b]));
  assertEquals(parser.next(), undefined);
  assertEquals(parser.isPending, true);
  assertEquals(parser.flush(), [{ kind: "key", key: "esc" }]);
  assertEquals(parser.isPending, false);
});

Deno.test("KeyParser joins a character that is split between two reads", () => {
  const parser = new KeyParser();
  const bytes = new TextEncoder().encode("ü");
  parser.push(bytes.subarray(0, 1));
  assertEquals(parser.next(), undefined);
  parser.push(bytes.subarray(1));
  assertEquals(parser.next(), { kind: "key", key: "ü" });
});

Deno.test("KeyParser passes a paste on as one text, so that it contains no keys", () => {
  const { inputs } = parsed("\x1b[200~q\x1b[A", "\nx\x1b[201~j");
  assertEquals(inputs, [
    { kind: "paste", text: "q\x1b[A\nx" },
    { kind: "key", key: "j" },
  ]);
});

Deno.test("KeyParser reads clicks and the wheel, and ignores releases and unknown sequences", () => {
  const { inputs, isPending } = parsed(
    "\x1b[<0;3;2M\x1b[<0;3;2m\x1b[<65;1;1M\x1b[<64;1;1M\x1b[?1;2c",
  );
  assertEquals(inputs, [
    { kind: "mouse", column: 2, row: 1, wheel: 0 },
    { kind: "mouse", column: 0, row: 0, wheel: 1 },
    { kind: "mouse", column: 0, row: 0, wheel: -1 },
  ]);
  assertEquals(isPending, false);
});

Deno.test("KeyParser returns the bytes behind a key unchanged, for the task that gets them", () => {
  const parser = new KeyParser();
  parser.push(new TextEncoder().encode("i\x1b[Aü"));
  assertEquals(parser.next(), { kind: "key", key: "i" });
  assertEquals(new TextDecoder().decode(parser.rest()), "\x1b[Aü");
  assertEquals(parser.isPending, false);
});

Deno.test("every key of the help does something", () => {
  const names: Readonly<Record<string, string>> = {
    "↓": "down",
    "↑": "up",
    PgUp: "pageup",
    PgDn: "pagedown",
    Space: "space",
    Home: "home",
    End: "end",
    Esc: "esc",
    Enter: "enter",
  };
  for (const [keys] of HELP) {
    for (const key of keys.split(" ")) {
      const name = names[key] ?? (key.startsWith("Ctrl-") ? key.toLowerCase() : key);
      assertEquals(actionOf(name) === undefined, false, `${key} does nothing`);
    }
  }
});
