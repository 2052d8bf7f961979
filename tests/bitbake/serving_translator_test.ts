import { assertEquals } from "@std/assert";
import { EventTranslator } from "../../bitbake/serving/translator.ts";
import { PyDict, type PyObject } from "../../bitbake/pickle/values.ts";
import type { SimmerEvent } from "../../wire/events.ts";
import { encodeOutput } from "../../wire/output.ts";

type EventBody = SimmerEvent extends infer Each
  ? Each extends SimmerEvent ? Omit<Each, "seq" | "time">
  : never
  : never;

/** Returns the texts of log records that a client gets for events. */
function textsOf(events: readonly EventBody[]): unknown[] {
  const translator = new EventTranslator();
  return events
    .flatMap((event, seq): PyObject[] =>
      translator.translate({ ...event, seq, time: 0 } as SimmerEvent)
    )
    .map(({ state }) => state instanceof PyDict ? state.get("msg") : undefined)
    .filter((text) => text !== undefined);
}

Deno.test("a character that is split between two pieces of output is joined, even with other tasks' output between", () => {
  const build = "b";
  const output = (task: string, ...bytes: number[]): EventBody => ({
    type: "TaskOutput",
    build,
    task,
    stream: "stdout",
    ...encodeOutput(Uint8Array.from(bytes)),
  });
  const queued = (task: string): EventBody => ({
    type: "TaskQueued",
    build,
    task,
    name: task,
    dependencies: [],
    prefixed: false,
  });
  const texts = textsOf([
    queued("a"),
    queued("b"),
    output("a", 0x7a, 0xc3),
    output("b", 0xe2, 0x82),
    output("a", 0xa4, 0x0a),
    output("b", 0xac),
    output("a", 0xc3),
    { type: "TaskSucceeded", build, task: "b", durationMs: 1 },
    { type: "TaskSucceeded", build, task: "a", durationMs: 1 },
  ]);
  assertEquals(texts, ["zä", "€", "\ufffd"]);
});
