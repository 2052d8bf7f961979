// Replaces jsr:@std/cli with the functions that are used here. The mod.js of npm's deno-std does
// not load.
export * from "./parse_args.ts";
