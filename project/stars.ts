/**
 * Matching texts with `*`, in time linear to the text for each star: a regular expression with many
 * stars takes a time that grows with the power of their number, and the loop waits for it.
 *
 * @module
 */

/**
 * What each `*` of a pattern stands for, if it matches a whole text; a star is any characters, and
 * the first one takes as many as it can, then the second one.
 *
 * @returns `undefined` if the pattern does not match
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { matchStars } from "./stars.ts";
 *
 * assertEquals(matchStars("test:*", "test:unit"), ["unit"]);
 * assertEquals(matchStars("*a*", "banana"), ["banan", ""]);
 * assertEquals(matchStars("a*", "b"), undefined);
 * ```
 */
export function matchStars(pattern: string, text: string): string[] | undefined {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return pattern === text ? [] : undefined;
  let end = text.length - last.length;
  if (end < first.length || !text.startsWith(first) || !text.endsWith(last)) return undefined;
  const parts: string[] = [];
  // From the end: where a part is as late as it can be, the stars before it have most to take.
  for (const part of rest.reverse()) {
    const latest = end - part.length;
    const at = latest < first.length ? -1 : text.lastIndexOf(part, latest);
    if (at < first.length) return undefined;
    parts.push(text.slice(at + part.length, end));
    end = at;
  }
  parts.push(text.slice(first.length, end));
  return parts.reverse();
}
