/**
 * Encoding of task output in events. Bytes are sent as text if they are UTF-8 that JSON need not
 * escape much, and as base64 otherwise. Every byte thus arrives unchanged, and binary output stays
 * small.
 *
 * @module
 */

import type { TaskOutput } from "./events.ts";

/** Member of a {@linkcode TaskOutput} that holds the bytes. */
export type OutputPayload = Pick<TaskOutput, "text"> | Pick<TaskOutput, "base64">;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** Control characters that do not occur in text. Each takes six bytes in JSON. */
// deno-lint-ignore no-control-regex
const BINARY = /[\0-\x07\x0b\x0e-\x1a\x1c-\x1f]/;
const ESCAPE = "\x1b";

/**
 * Encodes bytes for an event.
 *
 * Binary output takes at most 4/3 of its size, and text at most twice its size. UTF-8 alone is no
 * sufficient test: a NUL is UTF-8, but takes six bytes in JSON.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { decodeOutput, encodeOutput } from "@simmer/simmer/wire";
 *
 * assertEquals(encodeOutput(new TextEncoder().encode("hi\n")), { text: "hi\n" });
 * assertEquals(encodeOutput(new Uint8Array([0xff])), { base64: "/w==" });
 * assertEquals(encodeOutput(new Uint8Array(3)), { base64: "AAAA" });
 * assertEquals(decodeOutput({ base64: "/w==" }), new Uint8Array([0xff]));
 * ```
 */
export function encodeOutput(bytes: Uint8Array): OutputPayload {
  const text = decoded(bytes);
  return text === undefined || isCostly(text, bytes) ? { base64: bytes.toBase64() } : { text };
}

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return undefined;
  }
}

/**
 * Returns true if JSON's escapes make a text too large: larger than base64 if it is binary,
 * otherwise more than twice its size.
 */
function isCostly(text: string, bytes: Uint8Array): boolean {
  const isBinary = BINARY.test(text);
  // Quotes and line ends alone, at two bytes each, cannot exceed the limit.
  if (!isBinary && !text.includes(ESCAPE)) return false;
  const most = isBinary ? 4 * Math.ceil(bytes.length / 3) : 2 * bytes.length;
  return escapedSize(bytes) > most;
}

/** Returns the size of a text in JSON in bytes, without the surrounding quotes. */
function escapedSize(bytes: Uint8Array): number {
  let size = bytes.length;
  for (const byte of bytes) {
    if (byte === 0x22 || byte === 0x5c || (byte >= 0x08 && byte <= 0x0d && byte !== 0x0b)) size++;
    else if (byte < 0x20) size += 5;
  }
  return size;
}

/**
 * Decodes the bytes of an event.
 *
 * @throws {SyntaxError} if `base64` is not base64
 */
export function decodeOutput(
  payload: { readonly text?: string; readonly base64?: string },
): Uint8Array {
  return payload.base64 === undefined
    ? encoder.encode(payload.text ?? "")
    : Uint8Array.fromBase64(payload.base64);
}

/**
 * Counts the bytes at the end of a piece that are the beginning of an incomplete character. Holding
 * them back until the next piece keeps text readable when a pipe splits a character.
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
