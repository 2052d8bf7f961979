/**
 * Files of environment variables (`.env`).
 *
 * @module
 */

import { parseEnv } from "node:util";
import { NotReadableError, readBoundedText, readStreamText } from "./bounded_text.ts";

/** The largest env file, in bytes. */
export const MAX_ENV_FILE_BYTES: number = 1024 ** 2;

/**
 * The variables of a file; `undefined` if there is no such file.
 *
 * @throws {NotReadableError} if it is larger than {@linkcode MAX_ENV_FILE_BYTES}, a folder, can't be
 *   read, or is no regular file, which {@linkcode readEnvStream} is for
 */
export function readEnvFile(path: string): Record<string, string> | undefined {
  return variablesOf(readBoundedText(path, MAX_ENV_FILE_BYTES));
}

/**
 * As {@linkcode readEnvFile}, for pipes and devices: it may wait for their writer.
 *
 * @throws {NotReadableError} if there is more than {@linkcode MAX_ENV_FILE_BYTES}
 */
export async function readEnvStream(path: string): Promise<Record<string, string> | undefined> {
  return variablesOf(await readStreamText(path, MAX_ENV_FILE_BYTES));
}

/** Variables whose text has a NUL can't be given to a program. */
function variablesOf(text: string | undefined): Record<string, string> | undefined {
  if (text === undefined) return undefined;
  if (text.includes("\0")) throw new NotReadableError("it has a NUL character");
  const entries = Object.entries(parseEnv(text));
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
