import { assert, assertEquals } from "@std/assert";
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

Deno.test("a mask drops event types that it does not list", () => {
  const heartbeat: EventBody = { type: "Heartbeat" };
  assertEquals(passesMask(heartbeat, {}), true);
  assertEquals(passesMask(heartbeat, { types: ["Heartbeat"] }), true);
  assertEquals(passesMask(heartbeat, { types: [] }), false);
});

Deno.test("a mask never drops EventsDropped and ServerExit", () => {
  assertEquals(passesMask({ type: "EventsDropped", count: 1 }, { types: [] }), true);
  assertEquals(passesMask({ type: "ServerExit", reason: "" }, { types: [] }), true);
});

Deno.test("a mask drops log records below its level, and debug records by default", () => {
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

Deno.test("task output of any bytes is decoded unchanged", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const travelled = JSON.parse(JSON.stringify(encodeOutput(bytes)));
      assertEquals(decodeOutput(travelled), bytes);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("a byte order mark in task output is preserved", () => {
  const bytes = new Uint8Array([0xef, 0xbb, 0xbf, 0x61]);
  assertEquals(decodeOutput(encodeOutput(bytes)), bytes);
});

Deno.test("output as JSON takes at most 1.4 times its size if it is binary, and twice if it is text", () => {
  const repeated = (text: string): Uint8Array => new TextEncoder().encode(text.repeat(1000));
  const random = crypto.getRandomValues(new Uint8Array(65_536));
  const binary = {
    random,
    zeros: new Uint8Array(65_536),
    controls: random.map((byte) => byte % 0x20),
    ascii: random.map((byte) => byte % 0x80),
    sparse: random.map((byte) => byte % 16 === 0 ? 0 : 0x61),
  };
  for (const [name, bytes] of Object.entries(binary)) {
    const size = JSON.stringify(encodeOutput(bytes)).length;
    assert(size <= 1.4 * bytes.length, `${name}: ${size} for ${bytes.length}`);
    assertEquals(decodeOutput(encodeOutput(bytes)), bytes, name);
  }
  const texts = ["\n", '"', "\\", "\x1b", "\x1b[32mok\x1b[0m ", "plain\r\n", '{"a":"b"}\n', "ü😀"];
  for (const text of texts) {
    const bytes = repeated(text);
    const size = new TextEncoder().encode(JSON.stringify(encodeOutput(bytes))).length;
    assert(size <= 2 * bytes.length + 20, `${JSON.stringify(text)}: ${size} for ${bytes.length}`);
    assertEquals(decodeOutput(encodeOutput(bytes)), bytes, text);
    assertEquals("text" in encodeOutput(bytes), text !== "\x1b", JSON.stringify(text));
  }
});

Deno.test("incompleteTail returns the length of a character that is cut at the end", () => {
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

Deno.test("incompleteTail counts a lone lead byte, but no bytes of an end that is not UTF-8", () => {
  assertEquals(incompleteTail(new Uint8Array([0x61, 0x80, 0x80, 0x80])), 0);
  assertEquals(incompleteTail(new Uint8Array([])), 0);
  assertEquals(incompleteTail(new Uint8Array([0xf0])), 1);
});

Deno.test("a WireError is converted to an object and back", () => {
  const error = projectError("Task not found: buidl", { kind: "unknown-task", nearest: "build" });
  const back = WireError.fromObject(JSON.parse(JSON.stringify(error.toObject())));
  assertEquals(back.message, error.message);
  assertEquals(projectErrorData(back), { kind: "unknown-task", nearest: "build" });
  assertEquals(projectErrorData(new WireError("busy", "")), undefined);
  assertEquals(projectErrorData(new Error("x")), undefined);
  assertEquals(new WireError("busy", "b").toObject(), { code: -32000, message: "b" });
});
