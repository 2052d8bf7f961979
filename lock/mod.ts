/**
 * The lock file of a resident server: taking it, saying who holds it, and letting it go in order.
 * Usable on its own.
 *
 * @module
 */

export * from "./content.ts";
export * from "./release.ts";
export * from "./holders.ts";
export * from "./lock_file.ts";
export * from "./lock_path.ts";
