/**
 * Blobs: contents under their digests, each there once, whoever has kept it.
 *
 * A blob appears under its name in one step, whole; it is never changed. A power cut may leave one
 * that is not what its name says, which is why nothing is used without being looked at. A link, a
 * FIFO or a folder under a blob's name is damage too: it is removed, and never followed or opened.
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

/** Bytes of a file that are kept in memory while they are written. */
const MOST_AT_ONCE = 256 * 1024;
/** Bytes of a blob that is read into memory at the most: more than any log has. */
const MAX_READ_BYTES = 64 * 1024 * 1024;

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
    if (this.#isThere(digest, bytes.length)) return digest;
    const aside = this.#newAside();
    inFolder(this.#aside, () => writeNewFile(aside, bytes, 0o600));
    this.#install(aside, digest);
    return digest;
  }

  /**
   * Keeps a file's content.
   *
   * @param file its size; the blob of a sparse file is sparse
   * @throws {StoreError} where the file is changed, or goes, while it is read
   */
  putFile(path: string, { bytes, isSparse }: Pick<TreeEntry, "bytes" | "isSparse">): string {
    if (bytes <= MOST_AT_ONCE && !isSparse) {
      // What is kept is what was read, whoever writes to the file meanwhile.
      const content = fileBytes(path);
      if (content?.length !== bytes) {
        throw new StoreError(`${path} was changed while it was read`);
      }
      return this.put(content);
    }
    const digest = fileDigest(path);
    if (digest === undefined) throw new StoreError(`${path} is gone or can't be read`);
    if (this.#isThere(digest, bytes)) return digest;
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
    const bytes = readRegularBytes(this.path(digest), { maxBytes: MAX_READ_BYTES });
    if (bytes === "absent") return undefined;
    return bytes === "unfit" || sha256Hex(bytes) !== digest ? this.#damaged(digest) : bytes;
  }

  /** Whether a blob is there and is what its name says. */
  isSound(digest: string): boolean {
    const hash = new Sha256();
    const found = readRegular(this.path(digest), (piece) => hash.update(piece));
    if (found === "absent") return false;
    const isSound = found === "file" && hash.hex() === digest;
    if (!isSound) this.#damaged(digest);
    return isSound;
  }

  /**
   * Whether a blob is there already: it is used again, and its time tells collections so. Anything
   * else under its name, and a file of another size, is replaced.
   */
  #isThere(digest: string, bytes: number): boolean {
    const path = this.path(digest);
    const found = lookForRegular(path);
    return found.kind === "file" && found.bytes === bytes &&
      refreshTimes(path, new Date(this.#clock.now()));
  }

  #newAside(): string {
    return joinPath(this.#aside, crypto.randomUUID());
  }

  #install(aside: string, digest: string): void {
    const path = this.path(digest);
    const folder = parentFolder(path);
    clearUnlessFolder(folder);
    inFolder(folder, () => putInPlace(aside, path));
  }

  #damaged(digest: string): undefined {
    this.#log.log("warn", `The cache's blob ${digest} is damaged; it is removed`);
    removeAnything(this.path(digest));
    return undefined;
  }
}

/** The digest of a regular file, whoever owns it; `undefined` if there is none that can be read. */
export function fileDigest(path: string): string | undefined {
  const hash = new Sha256();
  const found = readRegular(path, (piece) => hash.update(piece), { anyUser: true });
  return found === "file" ? hash.hex() : undefined;
}
