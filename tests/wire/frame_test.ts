import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { encodeFrame, type Frame, FrameDecoder, MAX_FRAME_BYTES } from "../../wire/frame.ts";
import { notification } from "../../wire/messages.ts";

const encoder = new TextEncoder();

function lines(frames: readonly Frame[]): string[] {
  return frames.map((frame) => frame.kind === "line" ? frame.text : `! ${frame.error.message}`);
}

/** Splits bytes at the given positions, in any order. Repeated positions give empty pieces. */
function chunks(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length]
    .sort((a, b) => a - b);
  return places.slice(1).map((end, index) => bytes.slice(places[index], end));
}

function concat(pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(pieces.flatMap((piece) => [...piece]));
}

Deno.test("FrameDecoder returns the same messages however the bytes are split", () => {
  const message = fc.record({
    method: fc.string({ unit: "grapheme", minLength: 1 }),
    params: fc.dictionary(fc.string(), fc.jsonValue()),
  });
  fc.assert(
    fc.property(fc.array(message), fc.array(fc.nat()), (messages, cuts) => {
      const sent = messages.map(({ method, params }) => notification(method, params));
      const bytes = concat(sent.map((each) => encodeFrame(each)));
      const decoder = new FrameDecoder();
      const received = chunks(bytes, cuts).flatMap((piece) => decoder.push(piece));
      assertEquals(lines(received), sent.map((each) => JSON.stringify(each)));
      assertEquals(decoder.end(), []);
    }),
    { numRuns: 500 },
  );
});

Deno.test("FrameDecoder returns the same frames for any bytes however they are split", () => {
  const byte = fc.oneof(fc.constant(10), fc.nat(255), fc.integer({ min: 97, max: 99 }));
  fc.assert(
    fc.property(fc.array(byte), fc.array(fc.nat()), (values, cuts) => {
      const bytes = new Uint8Array(values);
      const whole = new FrameDecoder(8);
      const pieces = new FrameDecoder(8);
      const expected = [...whole.push(bytes), ...whole.end()];
      const actual = chunks(bytes, cuts).flatMap((piece) => pieces.push(piece));
      assertEquals(lines([...actual, ...pieces.end()]), lines(expected));
    }),
    { numRuns: 2000 },
  );
});

Deno.test("FrameDecoder ignores empty lines", () => {
  assertEquals(lines(new FrameDecoder().push(encoder.encode("\n\na\n\n"))), ["a"]);
});

Deno.test("FrameDecoder rejects a line over the cap once and continues with the next line", () => {
  const decoder = new FrameDecoder(4);
  assertEquals(lines(decoder.push(encoder.encode("abcd\nabcde"))), [
    "abcd",
    "! The line is longer than 4 bytes",
  ]);
  assertEquals(decoder.pendingBytes, 0);
  assertEquals(lines(decoder.push(encoder.encode("fghijkl"))), []);
  assertEquals(decoder.pendingBytes, 0, "nothing of an overlong line is kept");
  assertEquals(lines(decoder.push(encoder.encode("m\nab\n"))), ["ab"]);
});

Deno.test("FrameDecoder buffers at most the cap", () => {
  const decoder = new FrameDecoder();
  const piece = new Uint8Array(1024 * 1024).fill(97);
  let errors = 0;
  for (let index = 0; index < 40; index++) {
    errors += decoder.push(piece).length;
    assertEquals(decoder.pendingBytes <= MAX_FRAME_BYTES, true);
  }
  assertEquals(errors, 1);
});

Deno.test("FrameDecoder rejects a line that is not UTF-8 and continues with the next line", () => {
  const bytes = new Uint8Array([...encoder.encode("é\n"), 0xff, 0x0a, ...encoder.encode("b\n")]);
  assertEquals(lines(new FrameDecoder().push(bytes)), ["é", "! The line is not UTF-8", "b"]);
});

Deno.test("FrameDecoder copies pending bytes, so that the caller can reuse its buffer", () => {
  const decoder = new FrameDecoder();
  const buffer = encoder.encode("ab");
  decoder.push(buffer);
  buffer.fill(0);
  assertEquals(lines(decoder.push(encoder.encode("c\n"))), ["abc"]);
});

Deno.test("FrameDecoder reports a stream that ends in the middle of a line", () => {
  const decoder = new FrameDecoder();
  decoder.push(encoder.encode("half"));
  assertEquals(lines(decoder.end()), ["! The stream ended in the middle of a line"]);
  assertEquals(decoder.end(), []);
});
