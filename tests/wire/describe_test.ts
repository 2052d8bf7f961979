import { assertEquals } from "@std/assert";
import * as v from "valibot";
import { describeCommands } from "../../wire/describe.ts";
import { withCommands } from "../../docs/write_protocol.ts";

Deno.test("describeCommands formats every kind of schema as a type", () => {
  const [row] = describeCommands({
    sample: {
      summary: "A sample",
      kind: "async",
      access: "control",
      params: v.object({
        name: v.string(),
        count: v.optional(v.pipe(v.number(), v.integer()), 1),
        levels: v.array(v.picklist(["low", "high"])),
        env: v.record(v.string(), v.string()),
        anything: v.unknown(),
      }),
      result: v.nullable(v.boolean()),
    },
  });
  assertEquals(row, {
    name: "sample",
    summary: "A sample",
    kind: "async",
    access: "control",
    params: '{ name: string; count?: number = 1; levels: ("low" | "high")[]; ' +
      "env: { [name: string]: string }; anything: unknown }",
    result: "boolean | null",
  });
});

Deno.test("docs/protocol.md matches the command table", async () => {
  const text = await Deno.readTextFile(new URL("../../docs/protocol.md", import.meta.url));
  const squeeze = (words: string): string => words.replace(/\s+/g, " ");
  assertEquals(squeeze(withCommands(text)), squeeze(text), "run `deno task docs`");
});
