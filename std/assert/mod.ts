// A stand-in for jsr:@std/assert: the official code from npm's deno-std, with types of ours.
// @ts-types="./mod.d.ts"
export * from "npm:deno-std@1.4.0/assert/mod.js";
