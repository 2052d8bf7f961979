import { assertEquals } from "@std/assert";
import { columnsOf, fitted } from "../../client/render/live/columns.ts";

Deno.test("a row has at most as many columns as the terminal, whatever its characters", () => {
  const same = (text: string): string => text;
  for (const text of ["Āxyz", "日本語", "a日b", "e\u0301a\u0301", "👩‍👩‍👧x", "ĀĀĀ", "plain"]) {
    for (let columns = 1; columns <= columnsOf(text) + 1; columns++) {
      for (const parts of [[text], ["a", text], [text, text]]) {
        const row = fitted(parts.map((part) => [part, same] as const), columns);
        assertEquals(columnsOf(row.text) <= columns, true, `${row.text} in ${columns}`);
        const isWhole = columnsOf(parts.join("")) <= columns;
        assertEquals(row.text.endsWith("…"), !isWhole, `${row.text} in ${columns}`);
      }
    }
  }
});
