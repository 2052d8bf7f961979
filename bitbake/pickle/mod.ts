/**
 * Python's pickle: the form in which BitBake's two ends talk to each other.
 *
 * {@linkcode decode} turns bytes into inert values, {@linkcode encode} the other way round, and
 * {@linkcode toPlain} makes something to show of them.
 *
 * @module
 */

export * from "./errors.ts";
export * from "./values.ts";
export { decode, type DecodeOptions } from "./decode.ts";
export { encode } from "./encode.ts";
export { type PlainLimits, toPlain } from "./plain.ts";
