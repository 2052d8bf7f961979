/**
 * Stand-in for jsr:@std/bytes.
 *
 * @module
 */

export * from "./concat.ts";
