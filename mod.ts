/**
 * simmer as a library: the wire, the client, the lock, and the process server to embed.
 *
 * Each has an entry of its own (`./wire`, `./client`, `./lock`, `./server`); this one has them all,
 * under their names.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { lock, wire } from "@simmer/simmer";
 *
 * assertEquals(wire.VERSION, "0.2.0");
 * assertEquals(lock.parseLockContent("41\n"), { pid: 41 });
 * ```
 *
 * @module
 */

export * as client from "./client/mod.ts";
export * as lock from "./lock/mod.ts";
export * as server from "./server/mod.ts";
export * as wire from "./wire/mod.ts";
