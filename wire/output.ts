/**
 * Task output in events: bytes as text if they are UTF-8 that JSON need not escape much, else as
 * base64, so that every byte arrives as it was written, and binary output stays small.
 *
 * @module
 */

import type { TaskOutput } from "./events.ts";

/** The part of a {@linkcode TaskOutput} that holds the bytes. */
export type OutputPayload = Pick<TaskOutput, "text"> | Pick<TaskOutput, "base64">;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** Characters that no text has: each takes six bytes in JSON. */
// deno-lint-ignore no-control-regex
const BINARY = /[\0-\x07\x0b\x0e-\x1a\x1c-\x1f]/;
const ESCAPE = "\x1b";

/**
 * Bytes as an event carries them.
 *
 * Binary output takes at most 4/3 of its size, and text at most twice its size: a NUL, which is
 * UTF-8, takes six bytes in JSON.
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

/** Whether JSON's escapes make a text larger than base64 would be, or more than twice its size. */
function isCostly(text: string, bytes: Uint8Array): boolean {
  const isBinary = BINARY.test(text);
  // Quotes and line ends alone, at two bytes each, can't do that.
  if (!isBinary && !text.includes(ESCAPE)) return false;
  const most = isBinary ? 4 * Math.ceil(bytes.length / 3) : 2 * bytes.length;
  return escapedSize(bytes) > most;
}

/** Bytes of a text in JSON, without the quotes around it. */
function escapedSize(bytes: Uint8Array): number {
  let size = bytes.length;
  for (const byte of bytes) {
    if (byte === 0x22 || byte === 0x5c || (byte >= 0x08 && byte <= 0x0d && byte !== 0x0b)) size++;
    else if (byte < 0x20) size += 5;
  }
  return size;
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
