/**
 * What must not be kept on disk of a command line: values that look like secrets. A command is shown
 * as it is to whoever runs it; files stay, and are sent with reports.
 *
 * @module
 */

/** Part of a variable's or an option's name. */
const SECRET =
  "(?:token|secret|passw(?:or)?d|passphrase|credential|api_?-?key|private_?-?key|auth)";

/** A value: quoted, or up to the next space, quote or operator. */
const VALUE = String.raw`(?:\\?"[^"\\]*\\?"|'[^']*'|[^\s"';&|)\\]+)`;

const PATTERNS: readonly RegExp[] = [
  // NAME=value, --name=value
  new RegExp(String.raw`([\w-]*${SECRET}[\w-]*=)${VALUE}`, "gi"),
  // --name value
  new RegExp(String.raw`(--[\w-]*${SECRET}[\w-]*\s+)(?!-)${VALUE}`, "gi"),
  // Authorization: Bearer value
  /(\b(?:bearer|basic)\s+)[\w.~+/-]+=*/gi,
  // https://user:value@host
  /(:\/\/[^\s/:@]*:)[^\s/@]+(?=@)/g,
];

/** Without one of these there is nothing to look for: most command lines have none. */
const HINT = /token|secret|passw|passphrase|credential|key|auth|bearer|basic|:\/\//i;

/** Whether a text has what looks like a secret. */
export function hasSecret(text: string): boolean {
  return HINT.test(text) && redact(text) !== text;
}

/**
 * A text with stars in the place of what looks like a secret.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { redact } from "./redact.ts";
 *
 * assertEquals(redact("NPM_TOKEN=abc npm publish"), "NPM_TOKEN=*** npm publish");
 * ```
 */
export function redact(text: string): string {
  return PATTERNS.reduce((left, pattern) => left.replace(pattern, "$1***"), text);
}
