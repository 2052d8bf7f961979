// Replaces jsr:@std/fs with the functions that are used here. npm's deno-std has no fs.
export * from "./copy.ts";
export * from "./empty_dir.ts";
export * from "./ensure_dir.ts";
export * from "./exists.ts";
