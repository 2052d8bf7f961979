// Replaces jsr:@std/assert with the official code from npm's deno-std and our own types.
// @ts-types="./mod.d.ts"
export * from "npm:deno-std@1.4.0/assert/mod.js";
