/**
 * Files that a server must own for as long as it runs: its lock file and its socket.
 *
 * If a file was deleted or replaced, clients cannot find the server any more, and another server
 * may already have taken its place. The server must stop then.
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

/** Interval of checks, in milliseconds. */
const CHECK_MS = 1000;

/**
 * Checks that files have not been deleted or replaced.
 *
 * @example A server that stops when its socket is deleted
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { OwnedFiles, systemClock } from "@simmer/simmer/server";
 *
 * const path = await Deno.makeTempFile();
 * assertEquals(new OwnedFiles([path], systemClock).check(), undefined);
 * const files = new OwnedFiles([path], systemClock);
 * await Deno.remove(path);
 * assertEquals(files.check(), `${path} was removed or replaced, exiting.`);
 * ```
 */
export class OwnedFiles {
  readonly #clock: Clock;
  readonly #files: readonly (readonly [path: string, identity: FileIdentity | undefined])[];
  #nextCheck = 0;

  /**
   * Records the present files.
   *
   * @param paths absolute
   */
  constructor(paths: readonly string[], clock: Clock) {
    this.#clock = clock;
    this.#files = paths.map((path) => [path, fileIdentity(path)]);
  }

  /**
   * Checks the files, at most once a second.
   *
   * @returns log line if a file was deleted or replaced
   */
  check(): string | undefined {
    const now = this.#clock.monotonic();
    if (now < this.#nextCheck) return undefined;
    this.#nextCheck = now + CHECK_MS;
    const lost = this.#files.find(([path, own]) => isLost(path, own));
    return lost && `${lost[0]} was removed or replaced, exiting.`;
  }
}

/** Returns false for a file that cannot be checked at the moment: it does not count as lost. */
function isLost(path: string, own: FileIdentity | undefined): boolean {
  try {
    return !isSameFile(fileIdentity(path), own);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return false;
  }
}
