// A stand-in for jsr:@std/cli, as far as it is used: npm's deno-std has a mod.js that does not load.
export * from "./parse_args.ts";
