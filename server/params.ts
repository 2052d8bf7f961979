/**
 * Parameters of commands, checked against their schemas.
 *
 * @module
 */

import * as v from "valibot";
import type { Schema } from "../wire/commands.ts";
import { WireError } from "../wire/errors.ts";

/**
 * Checks parameters.
 *
 * @param method the command, for the message
 * @param params what came; absent is an empty object
 * @throws {WireError} `invalidParams`, with a message that names what is wrong
 */
export function checkParams<const S extends Schema>(
  method: string,
  schema: S,
  params: unknown,
): v.InferOutput<S> {
  const result = v.safeParse(schema, params ?? {});
  if (result.success) return result.output;
  const issues = result.issues.map((issue) => {
    const path = v.getDotPath(issue);
    return path === null ? issue.message : `${path}: ${issue.message}`;
  });
  throw new WireError("invalidParams", `Wrong parameters for ${method}: ${issues.join("; ")}`);
}
