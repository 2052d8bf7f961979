/**
 * SHA-256 digests.
 *
 * `node:crypto` is many times faster on small inputs than the asynchronous Web Crypto; nothing on a
 * client's path imports this module.
 *
 * @module
 */

import { createHash, type Hash } from "node:crypto";

/** The SHA-256 of bytes or of a text's UTF-8, as 64 hex digits. */
export function sha256Hex(data: Uint8Array | string): string {
  return createHash("sha256").update(data).digest("hex");
}

/** A SHA-256 that is fed piece by piece. */
export class Sha256 {
  readonly #hash: Hash = createHash("sha256");

  /** Adds bytes, or a text as UTF-8. */
  update(data: Uint8Array | string): this {
    this.#hash.update(data);
    return this;
  }

  /** The digest of all that was added, as 64 hex digits; nothing can be added after it. */
  hex(): string {
    return this.#hash.digest("hex");
  }
}
