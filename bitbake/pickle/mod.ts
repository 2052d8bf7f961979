/**
 * Reads and writes Python's pickle, the format in which BitBake's client and server communicate.
 *
 * {@linkcode decode} converts bytes to inert values, {@linkcode encode} converts values to bytes,
 * and {@linkcode toPlain} converts values to JSON for display.
 *
 * @module
 */

export * from "./errors.ts";
export * from "./values.ts";
export { decode, type DecodeOptions } from "./decode.ts";
export { encode } from "./encode.ts";
export { type PlainLimits, toPlain } from "./plain.ts";
