/** The pictures of terminals in the documentation. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { drawTerminal } from "../../docs/terminal_picture.ts";
import type { Run } from "../e2e/screen.ts";

const PLAIN: Run = {
  text: "",
  column: 0,
  columns: 0,
  foreground: undefined,
  background: undefined,
  attributes: [],
};

Deno.test("a picture has the size of its columns and lines, and text as text", () => {
  const line: Run[] = [
    { ...PLAIN, text: 'a < "b" & c', columns: 11 },
    {
      ...PLAIN,
      text: "日",
      column: 11,
      columns: 2,
      foreground: { index: 1 },
      attributes: ["bold"],
    },
  ];
  const svg = drawTerminal({ label: "A <terminal>", columns: 80, lines: [line, []] });
  assertStringIncludes(svg, 'width="676" height="94" viewBox="0 0 676 94"');
  assertStringIncludes(svg, 'aria-label="A &lt;terminal&gt;"');
  assertStringIncludes(svg, ">a &lt; &quot;b&quot; &amp; c</text>");
  assertStringIncludes(
    svg,
    'x="106" y="55" textLength="16" lengthAdjust="spacingAndGlyphs" fill="#e06c75" ' +
      'font-weight="bold">日</text>',
  );
});

Deno.test("a picture has the palette's colours, grey, RGB, and exchanged colours", () => {
  const colours = { foreground: { index: 196 }, background: { index: 232 } };
  const svg = drawTerminal({
    label: "",
    columns: 9,
    lines: [[
      { ...PLAIN, text: "one", columns: 3, ...colours },
      { ...PLAIN, text: "two", column: 3, columns: 3, ...colours, attributes: ["inverse"] },
      { ...PLAIN, text: "rgb", column: 6, columns: 3, foreground: { rgb: 0x0a0b0c } },
    ]],
  });
  const fills = [...svg.matchAll(/<(rect|text)[^>]* fill="(#\w+)"/g)].map(([, , fill]) => fill);
  assertEquals(fills.slice(1), ["#080808", "#ff0000", "#ff0000", "#080808", "#0a0b0c"]);
});
