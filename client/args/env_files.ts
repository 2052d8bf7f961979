/**
 * Loader of variables from env files (`--env-file`), by the rules of `deno task`.
 *
 * @module
 */

import { readEnvFile } from "../../system/files/env_file.ts";
import { ClientError, EXIT } from "../errors.ts";
import { RunLocally } from "../run_locally.ts";
import { readEnvText } from "./env_syntax.ts";

/** Matches variables that control Deno itself, which an env file must not set. */
const DENIED = /^(DENO_CONNECTED|DENO_DEPLOY_TUNNEL_ENDPOINT)$/i;

/** Describes which env files to read, and in which environment. */
export interface EnvFilesRequest {
  /** The files as they were typed. The last one has the highest precedence. */
  readonly names: readonly string[];
  /** Absolute path of the caller's folder, where the search for a file begins. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** Receives warnings. A file that cannot be read is only a warning. */
  readonly say: (text: string) => void;
  /**
   * True if pipes and devices may be read. The server must not do so in its own process. Default:
   * `true`.
   */
  readonly mayWait?: boolean;
}

/**
 * Returns the variables that env files add to an environment. If a name is assigned several times,
 * the first assignment counts. Later files are read before earlier ones, so they take precedence,
 * and earlier files can refer to their variables.
 *
 * @throws {RunLocally} if a file is a pipe or a device and `mayWait` is false; the client then
 *   reads it
 * @throws {ClientError} if a file is too large
 */
export function envFileVariables(
  { names, folder, env, say, mayWait = true }: EnvFilesRequest,
): Record<string, string> {
  const added = new Map<string, string>();
  const find = (name: string): string | undefined =>
    Object.hasOwn(env, name) ? env[name] : added.get(name);
  for (const name of names.toReversed()) {
    const file = readEnvFile(folder, name, mayWait);
    if (file.kind === "special") throw new RunLocally("The env file is not a regular file");
    if (file.kind === "too large") {
      throw new ClientError(EXIT.usage, `cannot read env file ${file.path}: ${file.reason}`);
    }
    if (file.kind === "missing") {
      say(`warning: there is no env file '${name}' in ${folder} or above it`);
      continue;
    }
    if (file.kind === "unreadable") {
      say(`warning: Cannot read env file ${file.path}: ${file.reason}`);
      continue;
    }
    const { variables, refused } = readEnvText(file.text, find);
    const fresh = variables.filter(([each]) => find(each) === undefined);
    for (const [each, value] of fresh) {
      if (DENIED.test(each)) {
        say(`warning: ${each} of env file ${file.path} is ignored: it controls Deno itself`);
      } else if (!added.has(each)) added.set(each, value);
    }
    if (refused !== undefined) {
      say(
        `warning: env file ${file.path} is read only up to ${refused}, whose value has a NUL character`,
      );
    }
  }
  return Object.fromEntries(added);
}
