// The official code from npm's deno-std, with types of ours.
// @ts-types="./unicode_width.d.ts"
export * from "npm:deno-std@1.4.0/cli/unicode_width.js";
