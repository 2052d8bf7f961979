/**
 * Types of `concat`. The code is the official one from npm's deno-std.
 *
 * @module
 */

/** Concatenates byte slices into a new one. */
export declare function concat(buffers: readonly Uint8Array[]): Uint8Array<ArrayBuffer>;
