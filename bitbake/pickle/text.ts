/**
 * Decodes and encodes the text formats of pickles: UTF-8 with surrogates, Python's raw unicode
 * escapes, the quoted strings of Python 2, and lines of ASCII.
 *
 * @module
 */

import { PickleError } from "./errors.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/**
 * The maximum length of ASCII text that is decoded in JavaScript, which saves a call to the
 * platform.
 */
const SHORT = 24;

/**
 * Decodes UTF-8. A lone surrogate is accepted as a sequence of three bytes.
 *
 * @throws {PickleError} if the bytes are not UTF-8
 */
export function decodeUtf8(bytes: Uint8Array): string {
  if (bytes.length <= SHORT) {
    let text = "";
    for (const byte of bytes) {
      if (byte > 0x7f) return decodeAny(bytes);
      text += String.fromCharCode(byte);
    }
    return text;
  }
  return decodeAny(bytes);
}

function decodeAny(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return decodeWithSurrogates(bytes);
    throw error;
  }
}

/** Decodes UTF-8 that contains surrogates. The bytes between them must be strict UTF-8. */
function decodeWithSurrogates(bytes: Uint8Array): string {
  const parts: string[] = [];
  let begin = 0;
  for (let at = bytes.indexOf(0xed); at >= 0; at = bytes.indexOf(0xed, at + 1)) {
    const [second = 0, third = 0] = bytes.subarray(at + 1, at + 3);
    if (second < 0xa0 || second > 0xbf || third < 0x80 || third > 0xbf) continue;
    parts.push(decodeStrictly(bytes.subarray(begin, at)));
    parts.push(String.fromCharCode(0xd000 | (second & 0x3f) << 6 | third & 0x3f));
    begin = at + 3;
  }
  parts.push(decodeStrictly(bytes.subarray(begin)));
  return parts.join("");
}

function decodeStrictly(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) throw new PickleError("a text is not UTF-8");
    throw error;
  }
}

/** Encodes UTF-8. A lone surrogate becomes three bytes, as with Python's `surrogatepass`. */
export function encodeUtf8(text: string): Uint8Array {
  if (text.isWellFormed()) return encoder.encode(text);
  const bytes = new Uint8Array(text.length * 3);
  let length = 0;
  for (const character of text) {
    const code = character.charCodeAt(0);
    if (character.length === 1 && code >= 0xd800 && code <= 0xdfff) {
      bytes.set([0xed, 0x80 | code >> 6 & 0x3f, 0x80 | code & 0x3f], length);
      length += 3;
    } else {
      length += encoder.encodeInto(character, bytes.subarray(length)).written;
    }
  }
  return bytes.subarray(0, length);
}

/** Decodes Latin-1: one character for each byte. */
export function decodeLatin1(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += 4096) {
    parts.push(String.fromCharCode(...bytes.subarray(at, at + 4096)));
  }
  return parts.join("");
}

/**
 * Encodes Latin-1: one byte for each character.
 *
 * @returns `undefined` if a character does not fit into a byte
 */
export function encodeLatin1(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code > 0xff) return undefined;
    bytes[at] = code;
  }
  return bytes;
}

/**
 * Decodes a byte string of Python 2. Python 3 accepts only ASCII in it by default.
 *
 * @throws {PickleError} if it contains another byte
 */
export function decodeAscii(bytes: Uint8Array): string {
  if (bytes.some((byte) => byte > 0x7f)) {
    throw new PickleError("a byte string of Python 2 is not ASCII");
  }
  return decodeLatin1(bytes);
}

/**
 * Decodes raw unicode escapes: Latin-1, in which `\uXXXX` and `\UXXXXXXXX` are characters.
 *
 * @throws {PickleError} if an escape is invalid
 */
export function decodeRawUnicode(bytes: Uint8Array): string {
  return decodeLatin1(bytes).replace(
    /\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([^uU])|([uU]|$))/gs,
    (all, short: string | undefined, long: string | undefined, other: string | undefined) => {
      if (other !== undefined) return all;
      const code = Number.parseInt(short ?? long ?? "", 16);
      if (code <= 0x10ffff) return String.fromCodePoint(code);
      throw new PickleError("a text has a broken unicode escape");
    },
  );
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\n": "",
  "\\": "\\",
  "'": "'",
  '"': '"',
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

/**
 * Decodes a quoted string of Python 2 into its bytes.
 *
 * @throws {PickleError} if it is not quoted, or an escape is invalid
 */
export function decodeQuoted(bytes: Uint8Array): Uint8Array {
  const text = decodeLatin1(bytes).trim();
  const quote = text.at(0);
  if (text.length < 2 || (quote !== "'" && quote !== '"') || text.at(-1) !== quote) {
    throw new PickleError("a quoted string has no quotes");
  }
  const plain = text.slice(1, -1).replace(
    /\\(?:x([0-9a-fA-F]{2})|([0-7]{1,3})|([^]|$))/g,
    (all, hex: string | undefined, octal: string | undefined, letter: string | undefined) => {
      if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
      if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 0xff);
      if (letter === "x" || letter === "") throw new PickleError("a quoted string is broken");
      return ESCAPES[letter ?? ""] ?? all;
    },
  );
  return encodeLatin1(plain) ?? new Uint8Array();
}
