/**
 * Matches task names as people type them: exact names, names with wildcards, and misspelled names.
 *
 * @module
 */

import { matchStars } from "../../project/stars.ts";
import { WireError } from "../../wire/errors.ts";
import { excerpt, nearNames } from "../../wire/near_names.ts";

/**
 * A task name with wildcards.
 *
 * A `*` matches any characters, and the pattern must match the whole name. A `(!a|b)` at the end
 * excludes names in which a `*` matches `a` or `b`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { TaskPattern } from "./task_names.ts";
 *
 * const pattern = TaskPattern.parse("test:*(!e2e)");
 * assertEquals(["test", "test:unit", "test:e2e"].filter((name) => pattern.matches(name)), [
 *   "test:unit",
 * ]);
 * ```
 */
export class TaskPattern {
  readonly #pattern: string;
  readonly #exclusions: ReadonlySet<string>;

  private constructor(pattern: string, exclusions: ReadonlySet<string>) {
    this.#pattern = pattern;
    this.#exclusions = exclusions;
  }

  /** Returns true if a text is a pattern, and false if it is an exact name. */
  static isPattern(text: string): boolean {
    return text.includes("*") || exclusionStart(text) !== undefined;
  }

  /** @throws {WireError} `invalidParams` if it has an exclusion but no `*` */
  static parse(text: string): TaskPattern {
    const start = exclusionStart(text);
    const pattern = text.slice(0, start);
    const exclusions = start === undefined ? [] : text.slice(start + 2, -1).split("|");
    if (!pattern.includes("*")) {
      throw new WireError(
        "invalidParams",
        `Cannot match tasks: '${
          excerpt(text)
        }' excludes names but has no wildcard '*' to exclude them from`,
      );
    }
    return new TaskPattern(pattern, new Set(exclusions));
  }

  /** Returns true if the pattern matches a task's name. */
  matches(name: string): boolean {
    const parts = matchStars(this.#pattern, name);
    return parts !== undefined && !parts.some((part) => this.#exclusions.has(part));
  }
}

function exclusionStart(text: string): number | undefined {
  const start = text.lastIndexOf("(!");
  return start >= 0 && text.endsWith(")") ? start : undefined;
}

/**
 * Finds the name that the user probably meant.
 *
 * @returns `undefined` if no name is similar enough
 */
export function nearestName(name: string, names: readonly string[]): string | undefined {
  const [nearest] = nearNames(name, names, 1);
  const most = Math.max(1, Math.floor(name.length / 2));
  return nearest !== undefined && nearest.edits <= most ? nearest.name : undefined;
}

/** The maximum number of names in a message. */
const MOST_LISTED = 10;

/**
 * Returns the lines that list the available tasks. If there are more than ten, only the ten nearest
 * to the typed name are listed, or the first ten if none is similar.
 */
export function availableTasks(typed: string, names: readonly string[]): string[] {
  if (names.length === 0) return ["No tasks found in the project's config."];
  if (names.length <= MOST_LISTED) {
    return ["Available tasks:", ...names.map((name) => `- ${excerpt(name)}`)];
  }
  const near = nearNames(typed, names, MOST_LISTED).map(({ name }) => name);
  const listed = near.length > 0 ? near : names.slice(0, MOST_LISTED);
  const which = near.length > 0 ? "nearest" : "first";
  return [
    `Available tasks, the ${which} ${listed.length} of ${names.length} ('simmer tasks' lists all):`,
    ...listed.map((name) => `- ${excerpt(name)}`),
  ];
}
