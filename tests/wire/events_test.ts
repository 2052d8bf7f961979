import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  DEFAULT_MASK,
  EVENT_TYPES,
  type EventBody,
  LOG_LEVELS,
  type LogLevel,
  passesMask,
} from "../../wire/events.ts";
import { decodeOutput, encodeOutput, incompleteTail } from "../../wire/output.ts";
import { projectError, projectErrorData, WireError } from "../../wire/errors.ts";

function record(level: LogLevel): EventBody {
  return { type: "LogRecord", level, message: "" };
}

Deno.test("a mask holds back the types that it does not name", () => {
  const heartbeat: EventBody = { type: "Heartbeat" };
  assertEquals(passesMask(heartbeat, {}), true);
  assertEquals(passesMask(heartbeat, { types: ["Heartbeat"] }), true);
  assertEquals(passesMask(heartbeat, { types: [] }), false);
});

Deno.test("a mask never holds back EventsDropped and ServerExit", () => {
  assertEquals(passesMask({ type: "EventsDropped", count: 1 }, { types: [] }), true);
  assertEquals(passesMask({ type: "ServerExit", reason: "" }, { types: [] }), true);
});

Deno.test("a mask's log level holds back what is less important, debug records by default", () => {
  const passing = (logLevel?: LogLevel): LogLevel[] =>
    LOG_LEVELS.filter((level) =>
      passesMask(record(level), logLevel === undefined ? DEFAULT_MASK : { logLevel })
    );
  assertEquals(passing(), ["info", "warn", "error"]);
  assertEquals(passing("debug"), [...LOG_LEVELS]);
  assertEquals(passing("error"), ["error"]);
});

Deno.test("every event type is listed once", () => {
  assertEquals(new Set(EVENT_TYPES).size, EVENT_TYPES.length);
});

Deno.test("task output arrives byte for byte, whatever the bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const travelled = JSON.parse(JSON.stringify(encodeOutput(bytes)));
      assertEquals(decodeOutput(travelled), bytes);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("a byte order mark is output like any other", () => {
  const bytes = new Uint8Array([0xef, 0xbb, 0xbf, 0x61]);
  assertEquals(decodeOutput(encodeOutput(bytes)), bytes);
});

Deno.test("incompleteTail holds back exactly the cut character", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.nat(), (text, cut) => {
      const bytes = new TextEncoder().encode(text);
      const piece = bytes.subarray(0, cut % (bytes.length + 1));
      const kept = piece.length - incompleteTail(piece);
      assertEquals("text" in encodeOutput(piece.subarray(0, kept)), true);
      const back = bytes.subarray(kept, piece.length);
      assertEquals(back.length <= 3, true);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("incompleteTail holds back nothing where the end is not UTF-8 anyway", () => {
  assertEquals(incompleteTail(new Uint8Array([0x61, 0x80, 0x80, 0x80])), 0);
  assertEquals(incompleteTail(new Uint8Array([])), 0);
  assertEquals(incompleteTail(new Uint8Array([0xf0])), 1);
});

Deno.test("a WireError travels as an object and comes back as itself", () => {
  const error = projectError("Task not found: buidl", { kind: "unknown-task", nearest: "build" });
  const back = WireError.fromObject(JSON.parse(JSON.stringify(error.toObject())));
  assertEquals(back.message, error.message);
  assertEquals(projectErrorData(back), { kind: "unknown-task", nearest: "build" });
  assertEquals(projectErrorData(new WireError("busy", "")), undefined);
  assertEquals(projectErrorData(new Error("x")), undefined);
  assertEquals(new WireError("busy", "b").toObject(), { code: -32000, message: "b" });
});
