/**
 * Stores file contents as blobs, each once under its SHA-256 digest.
 *
 * A blob appears under its name in one step and complete, and is never changed. After a power cut,
 * its content may not match its name, so it is verified before it is read or restored. A link, a
 * FIFO or a folder under a blob's name is damage too. It is removed, and never followed or opened.
 *
 * @module
 */

import type { Clock } from "../../system/clock.ts";
import { Sha256, sha256Hex } from "../../system/files/digest.ts";
import { fileBytes } from "../../system/files/file_signature.ts";
import {
  ensureFolder,
  inFolder,
  isAbsent,
  joinPath,
  parentFolder,
  removeIfPresent,
} from "../../system/files/files.ts";
import type { Logger } from "../../system/logger.ts";
import {
  clearUnlessFolder,
  lookForRegular,
  putInPlace,
  readRegular,
  readRegularBytes,
  removeAnything,
} from "../../system/files/regular_file.ts";
import {
  copyFile,
  refreshTimes,
  setMode,
  type TreeEntry,
  writeNewFile,
} from "../../system/files/tree.ts";
import { StoreError } from "./errors.ts";

/** Largest file in bytes that is read into memory to be stored. */
const MOST_AT_ONCE = 256 * 1024;
/** Largest blob in bytes that is read into memory. No log is larger. */
const MAX_READ_BYTES = 64 * 1024 * 1024;

/** The blobs of a store. */
export class Blobs {
  /** The folder of the blobs. Its subfolders are named after the digests' first two digits. */
  readonly folder: string;
  readonly #staging: string;
  readonly #clock: Clock;
  readonly #log: Logger;

  /** @param staging folder for temporary files, on the same file system */
  constructor(folder: string, staging: string, { clock, log }: { clock: Clock; log: Logger }) {
    this.folder = folder;
    this.#staging = staging;
    this.#clock = clock;
    this.#log = log;
  }

  /** Returns the path of a blob, which need not exist. */
  path(digest: string): string {
    return joinPath(this.folder, digest.slice(0, 2), digest);
  }

  /** Stores bytes as a blob and returns its digest. */
  put(bytes: Uint8Array): string {
    const digest = sha256Hex(bytes);
    if (this.#isThere(digest, bytes.length)) return digest;
    const temporary = this.#newPath();
    inFolder(this.#staging, () => writeNewFile(temporary, bytes, 0o600));
    this.#install(temporary, digest);
    return digest;
  }

  /**
   * Stores a file's content as a blob and returns its digest.
   *
   * @param file its size and sparseness; the blob of a sparse file is sparse
   * @throws {StoreError} if the file changes or disappears while it is read
   */
  putFile(path: string, { bytes, isSparse }: Pick<TreeEntry, "bytes" | "isSparse">): string {
    if (bytes <= MOST_AT_ONCE && !isSparse) {
      // The stored bytes are those that were read, even if a program writes to the file meanwhile.
      const content = fileBytes(path);
      if (content?.length !== bytes) {
        throw new StoreError(`${path} changed while it was read`);
      }
      return this.put(content);
    }
    const digest = fileDigest(path);
    if (digest === undefined) throw new StoreError(`${path} is missing or cannot be read`);
    if (this.#isThere(digest, bytes)) return digest;
    const temporary = this.#newPath();
    try {
      ensureFolder(this.#staging, 0o700);
      copyFile(path, temporary);
      setMode(temporary, 0o600);
    } catch (error) {
      removeIfPresent(temporary);
      if (isAbsent(error)) throw new StoreError(`${path} does not exist`);
      throw error;
    }
    if (fileDigest(temporary) !== digest) {
      removeIfPresent(temporary);
      throw new StoreError(`${path} changed while it was read`);
    }
    this.#install(temporary, digest);
    return digest;
  }

  /** Returns a blob's bytes, or `undefined` if the blob is missing or does not match its digest. */
  read(digest: string): Uint8Array | undefined {
    const bytes = readRegularBytes(this.path(digest), { maxBytes: MAX_READ_BYTES });
    if (bytes === "absent") return undefined;
    return bytes === "unfit" || sha256Hex(bytes) !== digest ? this.#damaged(digest) : bytes;
  }

  /** Returns true if a blob exists and matches its digest. */
  isSound(digest: string): boolean {
    const hash = new Sha256();
    const found = readRegular(this.path(digest), (piece) => hash.update(piece));
    if (found === "absent") return false;
    const isSound = found === "file" && hash.hex() === digest;
    if (!isSound) this.#damaged(digest);
    return isSound;
  }

  /**
   * Returns true if a blob exists already, and refreshes its time so that a collection sees that it
   * is in use. Returns false if another kind of file, or one of another size, has its name. The
   * caller replaces that.
   */
  #isThere(digest: string, bytes: number): boolean {
    const path = this.path(digest);
    const found = lookForRegular(path);
    return found.kind === "file" && found.bytes === bytes &&
      refreshTimes(path, new Date(this.#clock.now()));
  }

  #newPath(): string {
    return joinPath(this.#staging, crypto.randomUUID());
  }

  #install(temporary: string, digest: string): void {
    const path = this.path(digest);
    const folder = parentFolder(path);
    clearUnlessFolder(folder);
    inFolder(folder, () => putInPlace(temporary, path));
  }

  #damaged(digest: string): undefined {
    this.#log.log("warn", `The cache's blob ${digest} is damaged; it is removed`);
    removeAnything(this.path(digest));
    return undefined;
  }
}

/**
 * Returns the digest of a regular file of any owner, or `undefined` if there is no readable one.
 */
export function fileDigest(path: string): string | undefined {
  const hash = new Sha256();
  const found = readRegular(path, (piece) => hash.update(piece), { anyUser: true });
  return found === "file" ? hash.hex() : undefined;
}
