/**
 * Schema for the environment of tasks in command parameters.
 *
 * @module
 */

import * as v from "valibot";

/** Variables by name. */
type Variables = Readonly<Record<string, string>>;

/**
 * Validates an environment. `v.record` would drop variables named `__proto__`, `constructor` and
 * `prototype`, which are ordinary names for programs.
 */
export const environmentSchema: v.GenericSchema<Variables> = v.custom<Variables>(
  isEnvironment,
  "Invalid type: Expected variables with strings as values",
);

function isEnvironment(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    Object.values(value).every((each) => typeof each === "string");
}
