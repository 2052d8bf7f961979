import { assertEquals } from "@std/assert";
import { EscapeFilter } from "../../client/render/tasks/escape_filter.ts";

const TABLE: readonly (readonly [input: string, output: string])[] = [
  ["plain\ntext\n", "plain\ntext\n"],
  ["\x1b[1;31mred\x1b[0m ü\n", "red ü\n"],
  ["\x1b]8;;file:///x\x07link\x1b]8;;\x1b\\ end", "link end"],
  ["\x1b]0;a title with [ and m\x07x", "x"],
  ["\x1b(B\x1b=\x1b7x", "x"],
  ["a\r\nb\rc\r\n", "a\nb\rc\n"],
  ["50 %\r100 %\n", "50 %\r100 %\n"],
];

Deno.test("EscapeFilter removes control sequences and keeps text, however it is split", () => {
  for (const [input, output] of TABLE) {
    const bytes = new TextEncoder().encode(input);
    for (let at = 0; at <= bytes.length; at++) {
      const filter = new EscapeFilter();
      const pieces = [bytes.subarray(0, at), bytes.subarray(at)].map((each) => filter.filter(each));
      const text = new TextDecoder().decode(new Uint8Array(pieces.flatMap((each) => [...each])));
      assertEquals(text, output, `${JSON.stringify(input)} at ${at}`);
    }
  }
});
