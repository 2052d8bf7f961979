import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { type Build, Builds } from "../../../client/ui/builds.ts";
import { footerOf } from "../../../client/ui/footer.ts";
import { layoutOf } from "../../../client/ui/layout.ts";
import { Painter } from "../../../client/ui/painter.ts";
import { PLAIN } from "../../../client/ui/palette.ts";
import { frameOf } from "../../../client/ui/screen_rows.ts";
import { entriesOf, listOffset, listWidth } from "../../../client/ui/task_list.ts";
import { encodedSpans, fittedSpans, fitting, type Row, widthOf } from "../../../client/ui/text.ts";
import { finished, queued, started } from "./events.ts";

function row(text: string, width = 20): Row {
  return [{ column: 0, width, spans: [{ text }] }];
}

Deno.test("fittedSpans has exactly the width that was asked for, whatever the characters", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 20 });
  fc.assert(
    fc.property(fc.array(text, { maxLength: 4 }), fc.nat(30), (texts, width) => {
      const clean = texts.map((each) => ({ text: each.replaceAll(/\p{C}/gu, "") }));
      const fitted = fittedSpans(clean, width);
      assertEquals(fitted.reduce((sum, span) => sum + widthOf(span.text), 0), width);
    }),
    { numRuns: 200 },
  );
});

Deno.test("a text that was cut ends with an ellipsis, and wide characters are not split", () => {
  assertEquals(fitting("package#task", 8), "package…");
  assertEquals(fitting("日本語", 4), "日…");
  assertEquals(fitting("🚀🚀", 4), "🚀🚀");
  assertEquals(fitting("abc", 0), "");
  assertEquals(encodedSpans([{ text: "a", sgr: "31" }, { text: "b" }]), "\x1b[0;31ma\x1b[0mb");
});

Deno.test("Painter writes only rows that differ, in one synchronised update", () => {
  const painter = new Painter();
  const size = { columns: 20, height: 3 };
  const first = painter.paint({ ...size, rows: [row("one"), row("two"), row("three")] });
  assertStringIncludes(first, "\x1b[2J");
  assert(first.startsWith("\x1b[?2026h") && first.endsWith("\x1b[?2026l"));
  const second = painter.paint({ ...size, rows: [row("one"), row("TWO"), row("three")] });
  assertStringIncludes(second, "\x1b[2;1H");
  for (const other of ["one", "three", "\x1b[2J"]) assertEquals(second.includes(other), false);
  assertEquals(painter.paint({ ...size, rows: [row("one"), row("TWO"), row("three")] }), "");
  painter.forget();
  assertStringIncludes(
    painter.paint({ ...size, rows: [row("one"), row("TWO"), row("three")] }),
    "three",
  );
});

Deno.test("Painter paints everything after a change of size, and moves the cursor alone", () => {
  const painter = new Painter();
  painter.paint({ columns: 20, height: 1, rows: [row("one")] });
  assertStringIncludes(painter.paint({ columns: 30, height: 1, rows: [row("one")] }), "one");
  const moved = painter.paint({
    columns: 30,
    height: 1,
    rows: [row("one")],
    cursor: { x: 2, y: 0 },
  });
  assertEquals(moved, "\x1b[?2026h\x1b[?25l\x1b[1;3H\x1b[?25h\x1b[?2026l");
});

Deno.test("the layout fills screens of all sizes, and narrow ones have no list", () => {
  fc.assert(
    fc.property(
      fc.nat(300),
      fc.nat(100),
      fc.nat(80),
      fc.boolean(),
      (columns, rows, longest, zoom) => {
        const { list, output, hasTitle, hasFooter, ...size } = layoutOf(
          { columns, rows },
          longest,
          zoom,
        );
        assert(output.width >= 1 && output.height >= 1);
        assertEquals(output.column + output.width, size.columns);
        assertEquals(output.row + output.height + (hasFooter ? 1 : 0), size.rows);
        assertEquals(output.row, hasTitle ? 1 : 0);
        if (list !== undefined) assert(columns >= 50 && list.width < output.column);
      },
    ),
  );
  assertEquals(layoutOf({ columns: 49, rows: 10 }, 30, false).list, undefined);
  assertEquals(layoutOf({ columns: 80, rows: 10 }, 20, false).list?.width, 20);
  assertEquals(layoutOf({ columns: 80, rows: 10 }, 90, false).list?.width, 32);
});

Deno.test("the chosen line of a long list stays visible", () => {
  assertEquals(listOffset(0, 5, 10, 0), 0);
  assertEquals(listOffset(9, 20, 5, 0), 5);
  assertEquals(listOffset(6, 20, 5, 5), 5);
  assertEquals(listOffset(2, 20, 5, 5), 2);
  assertEquals(listOffset(19, 20, 5, 0), 15);
  assertEquals(listOffset(-1, 3, 5, 4), 0);
});

/** Returns the text of each row of a picture. */
function picture(build: Build, size: { columns: number; rows: number }): string[] {
  const entries = entriesOf([build]);
  const layout = layoutOf(size, listWidth(entries), false);
  const task = build.tasks.get("app#test");
  const frame = frameOf({
    layout,
    palette: PLAIN,
    now: 9000,
    isConnected: true,
    entries,
    offset: 0,
    index: entries.findIndex((entry) => entry.task === task),
    chosen: task && { build, task },
    note: "[scrolled]",
    output: [[{ text: "first" }], [{ text: "second" }]],
    footer: footerOf({ kind: "browse" }, "", PLAIN),
  });
  return frame.rows.map((parts) => {
    let text = "";
    for (const { column, width, spans } of parts) {
      text = text.padEnd(column) + fittedSpans(spans, width).map((span) => span.text).join("");
    }
    return text.trimEnd();
  });
}

Deno.test("the picture has the tasks with state and time at the left, and the output at the right", () => {
  const builds = new Builds();
  for (
    const event of [
      started("b1", 3),
      queued("b1", "lib#build", []),
      queued("b1", "app#test", ["lib#build"]),
      queued("b1", "app#lint", ["app#test"]),
      ...finished("b1", "lib#build"),
      {
        type: "TaskStarted",
        build: "b1",
        task: "app#test",
        name: "test",
        cwd: "/app",
        prefixed: true,
        seq: 9,
        time: 2000,
      } as const,
    ]
  ) builds.apply(event);
  const build = builds.get("b1");
  assert(build !== undefined);
  assertEquals(picture(build, { columns: 60, rows: 6 }), [
    "1/3 done                │ app#test running, 7 s   [scrolled]",
    " ✓ lib#build      1.0 s │ first",
    "›● app#test         7 s │ second",
    " · app#lint             │",
    "                        │",
    "? help  q leave  / search  f follow  r run again  i type  y…",
  ]);
  assertEquals(picture(build, { columns: 20, rows: 4 }), [
    "● app#te… [scrolled]",
    "first",
    "second",
    "? help  q leave  / …",
  ]);
});
