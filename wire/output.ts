/**
 * Task output in events: bytes as text where they are UTF-8, else as base64, so that every byte
 * arrives as it was written.
 *
 * @module
 */

import type { TaskOutput } from "./events.ts";

/** The part of a {@linkcode TaskOutput} that holds the bytes. */
export type OutputPayload = Pick<TaskOutput, "text"> | Pick<TaskOutput, "base64">;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/**
 * Bytes as an event carries them.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { decodeOutput, encodeOutput } from "@simmer/simmer/wire";
 *
 * assertEquals(encodeOutput(new TextEncoder().encode("hi\n")), { text: "hi\n" });
 * assertEquals(encodeOutput(new Uint8Array([0xff])), { base64: "/w==" });
 * assertEquals(decodeOutput({ base64: "/w==" }), new Uint8Array([0xff]));
 * ```
 */
export function encodeOutput(bytes: Uint8Array): OutputPayload {
  try {
    return { text: decoder.decode(bytes) };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return { base64: bytes.toBase64() };
  }
}

/**
 * The bytes that an event carries.
 *
 * @throws {SyntaxError} where `base64` is not base64
 */
export function decodeOutput(
  payload: { readonly text?: string; readonly base64?: string },
): Uint8Array {
  return payload.base64 === undefined
    ? encoder.encode(payload.text ?? "")
    : Uint8Array.fromBase64(payload.base64);
}

/**
 * How many bytes at the end of a piece are the beginning of a character that goes on in the next
 * piece: holding these back keeps text readable when a pipe cuts a character in two.
 *
 * @returns 0 to 3
 */
export function incompleteTail(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return length > back ? back : 0;
    }
  }
  return 0;
}
