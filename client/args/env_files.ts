/**
 * Variables from env files (`--env-file`), by the rules of `deno task`.
 *
 * @module
 */

import { readEnvFile } from "../../system/files/env_file.ts";
import { ClientError, EXIT } from "../errors.ts";
import { RunLocally } from "../run_locally.ts";
import { readEnvText } from "./env_syntax.ts";

/** Variables that control Deno itself, which an env file must not set. */
const DENIED = /^(DENO_CONNECTED|DENO_DEPLOY_TUNNEL_ENDPOINT)$/i;

/** Where env files are looked for, and what is set already. */
export interface EnvFilesRequest {
  /** The files as they were typed; the last one counts most. */
  readonly names: readonly string[];
  /** The folder of the call, absolute. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** Takes a warning; a file that cannot be read is no reason to fail. */
  readonly say: (text: string) => void;
  /** Whether pipes and devices are read: not in the server's process. Default: `true`. */
  readonly mayWait?: boolean;
}

/**
 * The variables that env files add to an environment. Of several assignments of one name the first
 * one counts, and those of a later file count before those of an earlier one, which can refer to
 * them.
 *
 * @throws {RunLocally} if a file is a pipe or a device and may not be waited for: the client reads it
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
    if (file.kind === "special") throw new RunLocally("The env file is no regular file");
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
      say(`warning: env file ${file.path} is read up to ${refused}: its value has a NUL character`);
    }
  }
  return Object.fromEntries(added);
}
