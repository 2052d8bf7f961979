// Exports the official code from npm's deno-std with our own types.
// @ts-types="./concat.d.ts"
export * from "npm:deno-std@1.4.0/bytes/concat.js";
