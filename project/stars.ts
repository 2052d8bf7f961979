/**
 * Matches texts against patterns with `*`, in time linear to the text for each star. The time of a
 * regular expression grows exponentially with the number of stars, and would block the server's
 * loop.
 *
 * @module
 */

/**
 * Matches a whole text against a pattern, and returns what each `*` stands for. A star is any
 * characters. The first star takes as many as it can, then the second one.
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
  // Searches from the end: the later a part is found, the more characters the stars before it take.
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

/** The maximum number of patterns that one pattern with braces stands for. */
const MAX_ALTERNATIVES = 1000;

/**
 * Returns the patterns that a pattern with braces stands for. A pattern that stands for too many is
 * returned unchanged, as are braces without a comma.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { expandBraces } from "./stars.ts";
 *
 * assertEquals(expandBraces("{apps,libs/{a,b}}/*"), ["apps/*", "libs/a/*", "libs/b/*"]);
 * assertEquals(expandBraces("a{b}"), ["a{b}"]);
 * ```
 */
export function expandBraces(pattern: string): string[] {
  const expanded = new Set<string>();
  const open = [pattern];
  for (let text = open.pop(); text !== undefined; text = open.pop()) {
    const braces = /\{([^{}]*,[^{}]*)\}/.exec(text);
    if (braces === null) {
      expanded.add(text);
      continue;
    }
    const { 0: { length }, 1: alternatives = "", index } = braces;
    for (const each of alternatives.split(",").reverse()) {
      open.push(text.slice(0, index) + each + text.slice(index + length));
    }
    if (open.length + expanded.size > MAX_ALTERNATIVES) return [pattern];
  }
  return [...expanded];
}
