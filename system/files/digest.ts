/**
 * Computes SHA-256 digests of task inputs, outputs and cache records.
 *
 * It uses `node:crypto`, which is many times faster on small inputs than the asynchronous Web
 * Crypto. The client does not load this module.
 *
 * @module
 */

import { createHash, type Hash } from "node:crypto";

/** Returns the SHA-256 of bytes, or of a text encoded as UTF-8, as 64 hex digits. */
export function sha256Hex(data: Uint8Array | string): string {
  return createHash("sha256").update(data).digest("hex");
}

/** Computes a SHA-256 piece by piece. */
export class Sha256 {
  readonly #hash: Hash = createHash("sha256");

  /** Adds bytes, or a text as UTF-8. */
  update(data: Uint8Array | string): this {
    this.#hash.update(data);
    return this;
  }

  /** Returns the digest of all data so far, as 64 hex digits. No data can be added afterwards. */
  hex(): string {
    return this.#hash.digest("hex");
  }
}
