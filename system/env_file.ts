/**
 * Files of environment variables (`.env`).
 *
 * @module
 */

import { parseEnv } from "node:util";
import { readTextIfPresent } from "./files.ts";

/** The variables of a file; `undefined` where there is no such file. */
export function readEnvFile(path: string): Record<string, string> | undefined {
  const text = readTextIfPresent(path);
  if (text === undefined) return undefined;
  const entries = Object.entries(parseEnv(text));
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
