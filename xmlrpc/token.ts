/**
 * Tokens: how a client shows that it is the one that was let in.
 *
 * @module
 */

/** What an observer shows instead of a token. */
export const OBSERVER_TOKEN = "observer";

const TOKEN_BYTES = 16;

/** A new token: 128 random bits, as 32 hexadecimal digits. */
export function newToken(): string {
  return crypto.getRandomValues(new Uint8Array(TOKEN_BYTES)).toHex();
}

/**
 * Whether what was shown is the token, in a time that does not tell how much of it is right.
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
