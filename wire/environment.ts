/**
 * The environment of tasks on the wire.
 *
 * @module
 */

import * as v from "valibot";

/** Variables by their names. */
type Variables = Readonly<Record<string, string>>;

/**
 * Checks an environment. `v.record` would drop variables named `__proto__`, `constructor` and
 * `prototype`, which are names like any other to a program.
 */
export const environmentSchema: v.GenericSchema<Variables> = v.custom<Variables>(
  isEnvironment,
  "Invalid type: Expected variables with strings as values",
);

function isEnvironment(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    Object.values(value).every((each) => typeof each === "string");
}
