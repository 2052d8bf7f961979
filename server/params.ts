/**
 * Checks the parameters of commands against their schemas.
 *
 * @module
 */

import type { Schema, SchemaIssue } from "../wire/commands.ts";
import { WireError } from "../wire/errors.ts";
import { excerpt } from "../wire/near_names.ts";

/** Limit of the issues in one message. */
const MOST_ISSUES = 10;

/**
 * Checks parameters.
 *
 * @param method the command, for the message
 * @param params the received parameters; `undefined` counts as an empty object
 * @throws {WireError} `invalidParams`, with a message that names the issues
 * @throws {TypeError} if the schema is asynchronous
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
  // Keys and messages may repeat long input of the client.
  return excerpt(keys.length === 0 ? message : `${keys.join(".")}: ${message}`);
}
