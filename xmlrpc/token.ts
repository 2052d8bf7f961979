/**
 * Tokens, by which an XML-RPC client proves that it is the controller.
 *
 * @module
 */

/** Value that observers send instead of a token. */
export const OBSERVER_TOKEN = "observer";

const TOKEN_BYTES = 16;

/** Creates a token: 128 random bits as 32 hexadecimal digits. */
export function newToken(): string {
  return crypto.getRandomValues(new Uint8Array(TOKEN_BYTES)).toHex();
}

/**
 * Returns true if `shown` is the token. The time that this takes does not reveal how many
 * characters are right.
 *
 * @example
 * ```ts
 * import { assert } from "@std/assert";
 * import { isToken, newToken } from "./token.ts";
 *
 * const token = newToken();
 * assert(isToken(token, token));
 * assert(!isToken(newToken(), token) && !isToken("", token));
 * ```
 */
export function isToken(shown: string, token: string): boolean {
  let difference = shown.length ^ token.length;
  for (let index = 0; index < token.length; index++) {
    difference |= shown.charCodeAt(index % Math.max(1, shown.length)) ^ token.charCodeAt(index);
  }
  return difference === 0;
}
