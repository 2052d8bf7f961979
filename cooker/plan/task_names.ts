/**
 * Task names as people write them: exact, with wildcards, or mistyped.
 *
 * @module
 */

import { matchStars } from "../../project/stars.ts";
import { WireError } from "../../wire/errors.ts";
import { excerpt, nearNames } from "../../wire/near_names.ts";

/**
 * What a name with `*` in it stands for.
 *
 * `*` is any characters, and the whole name has to match. `(!a|b)` at the end leaves out the names
 * in which a `*` stands for `a` or `b`.
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

  /** Whether a text is a pattern rather than an exact name. */
  static isPattern(text: string): boolean {
    return text.includes("*") || exclusionStart(text) !== undefined;
  }

  /** @throws {WireError} `invalidParams` where it leaves names out but has no `*` */
  static parse(text: string): TaskPattern {
    const start = exclusionStart(text);
    const pattern = text.slice(0, start);
    const exclusions = start === undefined ? [] : text.slice(start + 2, -1).split("|");
    if (!pattern.includes("*")) {
      throw new WireError(
        "invalidParams",
        `Cannot match tasks: '${
          excerpt(text)
        }' leaves names out but has no wildcard '*' to leave them out of`,
      );
    }
    return new TaskPattern(pattern, new Set(exclusions));
  }

  /** Whether a task's name is meant. */
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
 * The name that was probably meant.
 *
 * @returns `undefined` where no name is near enough to be a mistyped one
 */
export function nearestName(name: string, names: readonly string[]): string | undefined {
  const [nearest] = nearNames(name, names, 1);
  const most = Math.max(1, Math.floor(name.length / 2));
  return nearest !== undefined && nearest.edits <= most ? nearest.name : undefined;
}

/** How many names a message lists. */
const MOST_LISTED = 10;

/** The lines that tell which tasks there are: all of a few, else the ten nearest to a typed name. */
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
