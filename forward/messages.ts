/**
 * What comes in from a process that hands its command line over, checked.
 *
 * @module
 */

import * as v from "valibot";
import { environmentSchema } from "../wire/environment.ts";
import { TASK_SIGNALS } from "../wire/signals.ts";
import type { HandedOver, HandoverHead, HandoverNews } from "./client.ts";

/** What is not what it should be. */
export class HandoverError extends Error {
  /** The class name, as `Error.prototype.name` has it. */
  override readonly name = "HandoverError";
}

const count = v.pipe(v.number(), v.integer(), v.minValue(1));

const headSchema: v.GenericSchema<unknown, HandoverHead> = v.object({
  version: v.string(),
  pid: count,
  namespaces: v.exactOptional(v.string()),
  columns: v.exactOptional(count),
});

const lineSchema: v.GenericSchema<unknown, HandedOver> = v.object({
  args: v.array(v.string()),
  env: environmentSchema,
  cwd: v.pipe(v.string(), v.startsWith("/")),
  terminal: v.object({ stdin: v.boolean(), stdout: v.boolean(), stderr: v.boolean() }),
});

const newsSchema: v.GenericSchema<unknown, HandoverNews> = v.union([
  v.object({ go: v.literal(true) }),
  v.object({ isHungUp: v.literal(true) }),
  v.object({ signal: v.picklist(TASK_SIGNALS) }),
  v.object({ columns: count }),
]);

/** @throws {HandoverError} */
export function readHead(text: string): HandoverHead {
  return read(headSchema, text);
}

/** @throws {HandoverError} */
export function readHandedOver(text: string): HandedOver {
  return read(lineSchema, text);
}

/** @throws {HandoverError} */
export function readNews(text: string): HandoverNews {
  return read(newsSchema, text);
}

function read<T>(schema: v.GenericSchema<unknown, T>, text: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw new HandoverError("a line is not JSON");
    throw error;
  }
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw new HandoverError(`${v.getDotPath(issue) ?? "a line"}: ${issue.message}`);
}
