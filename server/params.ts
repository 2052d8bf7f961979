/**
 * Parameters of commands, checked against their schemas.
 *
 * @module
 */

import type { Schema, SchemaIssue } from "../wire/commands.ts";
import { WireError } from "../wire/errors.ts";
import { excerpt } from "../wire/near_names.ts";

/** How many mistakes a message names. */
const MOST_ISSUES = 10;

/**
 * Checks parameters.
 *
 * @param method the command, for the message
 * @param params what came; absent is an empty object
 * @throws {WireError} `invalidParams`, with a message that names what is wrong
 * @throws {TypeError} where the schema does not answer at once
 */
export function checkParams<O>(method: string, schema: Schema<unknown, O>, params: unknown): O {
  const result = schema["~standard"].validate(params ?? {});
  if (result instanceof Promise) throw new TypeError(`The schema of ${method} is asynchronous`);
  if (result.issues === undefined) return result.value;
  const shown = result.issues.slice(0, MOST_ISSUES).map(issueText);
  const more = result.issues.length - shown.length;
  const issues = [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join("; ");
  throw new WireError("invalidParams", `Wrong parameters for ${method}: ${issues}`);
}

function issueText({ path, message }: SchemaIssue): string {
  const keys = (path ?? []).map((part) => String(typeof part === "object" ? part.key : part));
  // Keys and messages repeat what came.
  return excerpt(keys.length === 0 ? message : `${keys.join(".")}: ${message}`);
}
