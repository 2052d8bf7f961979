/**
 * simmer as a library: the wire protocol, the client, the lock file, and a process server to embed.
 *
 * Each part has its own entry (`./wire`, `./client`, `./lock`, `./server`). This one exports all of
 * them under their names.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { lock, wire } from "@simmer/simmer";
 *
 * assertEquals(wire.VERSION, "0.3.0");
 * assertEquals(lock.parseLockContent("41\n"), { pid: 41 });
 * ```
 *
 * @module
 */

export * as client from "./client/mod.ts";
export * as lock from "./lock/mod.ts";
export * as server from "./server/mod.ts";
export * as wire from "./wire/mod.ts";
