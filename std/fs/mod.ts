// A stand-in for jsr:@std/fs, as far as it is used: npm's deno-std has no fs.
export * from "./copy.ts";
export * from "./empty_dir.ts";
export * from "./ensure_dir.ts";
export * from "./exists.ts";
