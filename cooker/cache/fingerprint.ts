/**
 * Fingerprints: everything that a task's result depends on, in one digest.
 *
 * @module
 */

import { Sha256, sha256Hex } from "../../system/files/digest.ts";
import { redact, redactArguments } from "../../wire/redact.ts";

/**
 * When the outputs that a task has made itself are removed before it runs: each time, never, or only
 * if an input was deleted since the last run.
 */
type Clean = boolean | "if-file-deleted";

/** What a task declares about its result. */
export interface CacheDeclaration {
  /** Tells the task from every other one of the project, in every checkout of it. */
  readonly key: string;
  /** The names that the project and the task's package have in their config files, if any. */
  readonly names?: readonly string[];
  /** Globs of the inputs, relative to the folder that the task runs in. */
  readonly files: readonly string[];
  /** Globs of the outputs, relative to the same folder. */
  readonly output: readonly string[];
  /** Names of environment variables. */
  readonly env: readonly string[];
  /** When the task's own outputs are removed before it runs; default: always. No part of the key. */
  readonly clean?: Clean;
}

/** What goes into a fingerprint, each part by itself, so that two can be compared. */
export interface FingerprintParts {
  /** The task, and the folder that it runs in. */
  readonly task: string;
  /** The names of the project and the task's package; absent in records of earlier versions. */
  readonly names?: readonly string[];
  /** The shell command line. */
  readonly command: string;
  readonly args: readonly string[];
  /** Output globs. */
  readonly output: readonly string[];
  /** What runs it: runtime, version, system, processor. */
  readonly platform: string;
  /** Declared variables with digests of their values; an unset one has none. */
  readonly env: Readonly<Record<string, string>>;
  /** Fingerprints of the direct dependencies, by their tasks' ids. */
  readonly dependencies: Readonly<Record<string, string>>;
  /** Contents of the input files by their paths. */
  readonly files: Readonly<Record<string, string>>;
  /**
   * A digest of the command line with its arguments, where these have stars in the place of secrets;
   * absent: they are whole.
   */
  readonly starred?: string;
}

/**
 * Parts as they may be kept on disk: what looks like a secret in the command line and its arguments
 * is starred. A digest of both shows whether it has changed.
 */
export function keptParts<T extends Pick<FingerprintParts, "command" | "args">>(
  parts: T,
): T & Pick<FingerprintParts, "starred"> {
  const command = redact(parts.command);
  const args = redactArguments(parts.args);
  const isWhole = command === parts.command &&
    args.every((argument, index) => argument === parts.args[index]);
  if (isWhole) return parts;
  return {
    ...parts,
    command,
    args,
    starred: sha256Hex(JSON.stringify([parts.command, parts.args])),
  };
}

/** Changes with what a fingerprint is made of, so that results of other versions are never met. */
const FORMAT = "simmer-result-2";

/** Marks a variable that is declared and not set. */
const UNSET = "unset";

/**
 * The parts of the environment that count: the declared names, sorted, with digests of their
 * values, so that no value is kept anywhere.
 */
export function environmentParts(
  names: readonly string[],
  env: Readonly<Record<string, string>>,
): Record<string, string> {
  const parts = [...new Set(names)].sort().map((name): [string, string] => {
    // A name such as "constructor" would be found in any object's prototype.
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    return [name, value === undefined ? UNSET : sha256Hex(value)];
  });
  return Object.fromEntries(parts);
}

/**
 * The fingerprint of parts: a SHA-256 in hex. Every piece is written with its length, so that no
 * two different lists of pieces are the same bytes.
 *
 * @param filesDigest the digest of `files`
 */
export function fingerprintOf(
  parts: Omit<FingerprintParts, "files">,
  filesDigest: string,
): string {
  const hash = new Sha256();
  const write = (pieces: readonly string[]): void => {
    hash.update(`${pieces.length};`);
    for (const piece of pieces) hash.update(`${piece.length}:${piece}`);
  };
  write([FORMAT, parts.task, parts.command, parts.platform, filesDigest]);
  write(parts.names ?? []);
  write(parts.args);
  write([...parts.output].sort());
  write(Object.entries(parts.env).flat());
  write(Object.values(parts.dependencies).sort());
  return hash.hex();
}
