/**
 * Lock file of a resident server: acquiring it, recording its holder, and releasing it in order.
 * Usable without the rest of simmer.
 *
 * @module
 */

export * from "./content.ts";
export * from "./release.ts";
export * from "./holders.ts";
export * from "./lock_file.ts";
export * from "./lock_path.ts";
