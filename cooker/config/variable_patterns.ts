/**
 * Matches names of variables against patterns as Turborepo writes them: `*` stands for any
 * characters, a leading `!` excludes, and a backslash takes either literally.
 *
 * @module
 */

import { matchStars } from "../../project/stars.ts";

/** Variables that a script runner sets. Wildcards do not mean them. */
const OF_THE_RUNNER = /^(?:npm_(?:package|lifecycle)_|npm_command$|INIT_CWD$)/;

/** Characters that cannot be in names of variables, in place of literal stars. */
const LITERAL_STAR = "\u0000";

/** Lists of patterns. An exclusion concerns only its own list, and always wins there. */
export type VariablePatterns = readonly (readonly string[])[];

/** Returns the names of the variables that any of several lists matches, sorted. */
export function matchingVariables(
  lists: VariablePatterns,
  env: Readonly<Record<string, string>>,
): string[] {
  return [...new Set(lists.flatMap((patterns) => matching(patterns, env)))].sort();
}

function matching(
  patterns: readonly string[],
  env: Readonly<Record<string, string>>,
): string[] {
  if (patterns.length === 0) return [];
  const included = patterns.filter((each) => !each.startsWith("!")).map(parse);
  const excluded = patterns.filter((each) => each.startsWith("!")).map((each) =>
    parse(each.slice(1))
  );
  return Object.keys(env)
    .filter((name) => included.some((each) => isMatch(each, name)))
    .filter((name) => !excluded.some((each) => isMatch(each, name)));
}

function parse(pattern: string): string {
  return pattern.replace(/^\\!/, "!").replaceAll("\\*", LITERAL_STAR);
}

function isMatch(pattern: string, name: string): boolean {
  const isExact = !pattern.includes("*");
  if (!isExact && OF_THE_RUNNER.test(name)) return false;
  const text = name.replaceAll("*", LITERAL_STAR);
  return isExact ? pattern === text : matchStars(pattern, text) !== undefined;
}
