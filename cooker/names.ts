/**
 * Task names as people write them: exact, with wildcards, or mistyped.
 *
 * @module
 */

import { distance } from "fastest-levenshtein";
import { WireError } from "../wire/errors.ts";

/**
 * What a name with `*` in it stands for.
 *
 * `*` is any characters, and the whole name has to match. `(!a|b)` at the end leaves out the names
 * in which a `*` stands for `a` or `b`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { TaskPattern } from "../cooker/names.ts";
 *
 * const pattern = TaskPattern.parse("test:*(!e2e)");
 * assertEquals(["test", "test:unit", "test:e2e"].filter((name) => pattern.matches(name)), [
 *   "test:unit",
 * ]);
 * ```
 */
export class TaskPattern {
  readonly #whole: RegExp;
  readonly #exclusions: ReadonlySet<string>;

  private constructor(whole: RegExp, exclusions: ReadonlySet<string>) {
    this.#whole = whole;
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
        `Cannot match tasks: '${text}' leaves names out but has no wildcard '*' to leave them out of`,
      );
    }
    const source = pattern.split("*").map(RegExp.escape).join("(.*)");
    return new TaskPattern(new RegExp(`^${source}$`, "su"), new Set(exclusions));
  }

  /** Whether a task's name is meant. */
  matches(name: string): boolean {
    const match = this.#whole.exec(name);
    return match !== null && !match.slice(1).some((part) => this.#exclusions.has(part));
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
  let nearest: string | undefined;
  let least = Math.max(1, Math.floor(name.length / 2)) + 1;
  for (const candidate of names) {
    const edits = distance(name.toLowerCase(), candidate.toLowerCase());
    if (edits < least) [nearest, least] = [candidate, edits];
  }
  return nearest;
}
