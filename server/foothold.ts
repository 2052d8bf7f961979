/**
 * What a server stands on: the files by which it is found and kept from being one of two. Where
 * somebody takes them away, removes the project or gives it another name, the server has no place
 * any more.
 *
 * @module
 */

import type { Clock } from "../system/clock.ts";
import {
  type FileIdentity,
  fileIdentity,
  isSameFile,
  isSystemError,
} from "../system/files/files.ts";

/** Milliseconds between two looks. */
const LOOK_MS = 1000;

/**
 * Files that have to stay what they are.
 *
 * @example A server that ends with its socket
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Foothold, systemClock } from "@simmer/simmer/server";
 *
 * const path = await Deno.makeTempFile();
 * assertEquals(new Foothold([path], systemClock).check(), undefined);
 * const foothold = new Foothold([path], systemClock);
 * await Deno.remove(path);
 * assertEquals(foothold.check(), `${path} was removed or replaced, exiting.`);
 * ```
 */
export class Foothold {
  readonly #clock: Clock;
  readonly #files: readonly (readonly [path: string, identity: FileIdentity | undefined])[];
  #nextLook = 0;

  /**
   * Remembers what is there now.
   *
   * @param paths absolute
   */
  constructor(paths: readonly string[], clock: Clock) {
    this.#clock = clock;
    this.#files = paths.map((path) => [path, fileIdentity(path)]);
  }

  /**
   * Asked on each tick; looks once a second at the most.
   *
   * @returns the log's line where the server is to end
   */
  check(): string | undefined {
    const now = this.#clock.monotonic();
    if (now < this.#nextLook) return undefined;
    this.#nextLook = now + LOOK_MS;
    const lost = this.#files.find(([path, own]) => isLost(path, own));
    return lost && `${lost[0]} was removed or replaced, exiting.`;
  }
}

/** A file that cannot be looked at for the moment is not lost. */
function isLost(path: string, own: FileIdentity | undefined): boolean {
  try {
    return !isSameFile(fileIdentity(path), own);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return false;
  }
}
