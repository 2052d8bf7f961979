/**
 * Blobs: contents under their digests, each there once, whoever has kept it.
 *
 * A blob appears under its name in one step, whole; it is never changed. A power cut may leave one
 * that is not what its name says, which is why nothing is used without being looked at.
 *
 * @module
 */

import type { Clock } from "../../system/clock.ts";
import { Sha256, sha256Hex } from "../../system/digest.ts";
import { fileBytes } from "../../system/file_signature.ts";
import { ensureFolder, inFolder, isAbsent, joinPath, removeIfPresent } from "../../system/files.ts";
import type { Logger } from "../../system/logger.ts";
import {
  copyFile,
  filePieces,
  refreshTimes,
  renameFile,
  setMode,
  treeEntry,
  writeNewFile,
} from "../../system/tree.ts";
import { StoreError } from "./errors.ts";

/** Bytes of a file that are kept in memory while they are written. */
const MOST_AT_ONCE = 256 * 1024;

/** A store's contents. */
export class Blobs {
  /** Where they are; below it, folders of the digests' first two digits. */
  readonly folder: string;
  readonly #aside: string;
  readonly #clock: Clock;
  readonly #log: Logger;

  /** @param aside where they are until they are whole, on the same file system */
  constructor(folder: string, aside: string, { clock, log }: { clock: Clock; log: Logger }) {
    this.folder = folder;
    this.#aside = aside;
    this.#clock = clock;
    this.#log = log;
  }

  /** Where a blob is, or would be. */
  path(digest: string): string {
    return joinPath(this.folder, digest.slice(0, 2), digest);
  }

  /** Keeps bytes. */
  put(bytes: Uint8Array): string {
    const digest = sha256Hex(bytes);
    if (this.#isThere(digest)) return digest;
    const aside = this.#newAside();
    inFolder(this.#aside, () => writeNewFile(aside, bytes, 0o600));
    this.#install(aside, digest);
    return digest;
  }

  /**
   * Keeps a file's content.
   *
   * @param bytes its size
   * @throws {StoreError} where the file is changed, or goes, while it is read
   */
  putFile(path: string, bytes: number): string {
    if (bytes <= MOST_AT_ONCE) {
      // What is kept is what was read, whoever writes to the file meanwhile.
      const content = fileBytes(path);
      if (content?.length !== bytes) {
        throw new StoreError(`${path} was changed while it was read`);
      }
      return this.put(content);
    }
    const digest = fileDigest(path);
    if (digest === undefined) throw new StoreError(`${path} is gone`);
    if (this.#isThere(digest)) return digest;
    const aside = this.#newAside();
    try {
      ensureFolder(this.#aside, 0o700);
      copyFile(path, aside);
      setMode(aside, 0o600);
    } catch (error) {
      removeIfPresent(aside);
      if (isAbsent(error)) throw new StoreError(`${path} is gone`);
      throw error;
    }
    if (fileDigest(aside) !== digest) {
      removeIfPresent(aside);
      throw new StoreError(`${path} was changed while it was read`);
    }
    this.#install(aside, digest);
    return digest;
  }

  /** A blob's bytes; `undefined` where it is not there, or is not what its name says. */
  read(digest: string): Uint8Array | undefined {
    const bytes = fileBytes(this.path(digest));
    if (bytes !== undefined && sha256Hex(bytes) !== digest) return this.#damaged(digest);
    return bytes;
  }

  /** Whether a blob is there and is what its name says. */
  isSound(digest: string): boolean {
    const actual = fileDigest(this.path(digest));
    if (actual !== undefined && actual !== digest) this.#damaged(digest);
    return actual === digest;
  }

  /** One that is there already is used again: its time says so to whoever collects. */
  #isThere(digest: string): boolean {
    return refreshTimes(this.path(digest), new Date(this.#clock.now()));
  }

  #newAside(): string {
    return joinPath(this.#aside, crypto.randomUUID());
  }

  #install(aside: string, digest: string): void {
    const folder = joinPath(this.folder, digest.slice(0, 2));
    inFolder(folder, () => renameFile(aside, this.path(digest)));
  }

  #damaged(digest: string): undefined {
    this.#log.log("warn", `The cache's blob ${digest} is damaged; it is removed`);
    removeIfPresent(this.path(digest));
    return undefined;
  }
}

/** The digest of a file; `undefined` where there is none. */
export function fileDigest(path: string): string | undefined {
  if (treeEntry(path)?.kind !== "file") return undefined;
  try {
    const hash = new Sha256();
    for (const piece of filePieces(path)) hash.update(piece);
    return hash.hex();
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}
