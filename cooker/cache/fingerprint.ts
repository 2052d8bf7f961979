/**
 * Computes a task's fingerprint: one digest of everything that its result depends on.
 *
 * @module
 */

import { Sha256, sha256Hex } from "../../system/files/digest.ts";
import { redact, redactArguments } from "../../wire/redact.ts";
import type { ImportedFolder } from "../inputs/importing_set.ts";
import type { GlobGroup } from "../inputs/file_patterns.ts";
import { matchingVariables, type VariablePatterns } from "../config/variable_patterns.ts";
import type { LockfileInput } from "../lockfiles/lockfile_input.ts";

/**
 * Controls when a task's own outputs are removed before it runs: each time, never, or only if an
 * input was deleted since the last run.
 */
type Clean = boolean | "if-file-deleted";

/** The cache settings of a task. */
export interface CacheDeclaration {
  /** Identifies the task among all tasks of the project, equally in every checkout of it. */
  readonly key: string;
  /** The names that the project and the task's package have in their config files, if any. */
  readonly names?: readonly string[];
  /** Globs of the inputs, relative to the folder that the task runs in. */
  readonly files: readonly string[];
  /** The folders of the workspace whose files are inputs, too, because the package imports them. */
  readonly imported?: readonly ImportedFolder[];
  /** Globs of the outputs, relative to the same folder. */
  readonly output: readonly string[];
  /** Names of the environment variables that the result depends on. */
  readonly env: readonly string[];
  /**
   * Controls when the task's own outputs are removed before it runs. Default: always. Not part of
   * the fingerprint.
   */
  readonly clean?: Clean;
  /** Inputs that are declared in the language of another tool, besides `files`. */
  readonly globs?: readonly GlobGroup[];
  /** The language of `output`. Default: our own. */
  readonly outputLanguage?: Pick<GlobGroup, "dialect" | "hasAllFolders">;
  /**
   * Patterns of further variables that count if they are set, as in `VITE_*`. A leading `!` leaves
   * variables of its list out.
   */
  readonly envPatterns?: VariablePatterns;
  /** Lockfiles of which the part counts that concerns the task's package. */
  readonly lockfiles?: readonly LockfileInput[];
  /** True if the task is cached although no file is an input. */
  readonly mayHaveNoInputs?: boolean;
  /** True if the config says that the task makes no files, so that any earlier result is a hit. */
  readonly makesNothing?: boolean;
  /**
   * Present if the task runs every time. `counted`: its fingerprint counts for its dependents.
   * `uncounted`: they run every time, too.
   */
  readonly unstored?: "counted" | "uncounted";
  /** The declaration as the other tool's config has it, if a change of it alone counts. */
  readonly definition?: string;
}

/** The parts of a fingerprint, kept separate so that two fingerprints can be compared. */
export interface FingerprintParts {
  /** The task's key, which includes the folder that it runs in. */
  readonly task: string;
  /** The names of the project and the task's package. Absent in records of earlier versions. */
  readonly names?: readonly string[];
  /** The shell command line. */
  readonly command: string;
  readonly args: readonly string[];
  /** Output globs. */
  readonly output: readonly string[];
  /** Identifies the platform that runs the task: runtime, version, system, processor. */
  readonly platform: string;
  /** Digests of the declared variables' values by name. An unset variable has a marker instead. */
  readonly env: Readonly<Record<string, string>>;
  /** Fingerprints of the direct dependencies, by their tasks' ids. */
  readonly dependencies: Readonly<Record<string, string>>;
  /** Contents of the input files by their paths. */
  readonly files: Readonly<Record<string, string>>;
  /**
   * A digest of the original command line and arguments. Present if stars replace secrets in them.
   */
  readonly starred?: string;
  /** A digest of the declaration in another tool's config. Absent if there is none. */
  readonly definition?: string;
}

/**
 * Returns the parts as they may be stored on disk: stars replace secrets in the command line and
 * its arguments. A digest of the originals shows whether these have changed.
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

/**
 * Version of the fingerprint's composition. A new version never finds results of other versions.
 */
const FORMAT = "simmer-result-2";

/** Marks a variable that is declared but not set. */
const UNSET = "unset";

/**
 * Returns the declared environment variables, sorted, with digests of their values. The values
 * themselves are never stored, because they may be secret.
 */
export function environmentParts(
  { env: names, envPatterns = [] }: Pick<CacheDeclaration, "env" | "envPatterns">,
  env: Readonly<Record<string, string>>,
): Record<string, string> {
  const matched = matchingVariables(envPatterns, env);
  const parts = [...new Set([...names, ...matched])].sort().map((name): [string, string] => {
    // A plain lookup would find names such as "constructor" in the object's prototype.
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    return [name, value === undefined ? UNSET : sha256Hex(value)];
  });
  return Object.fromEntries(parts);
}

/**
 * Returns the fingerprint of parts: a SHA-256 in hex. Every piece is written with its length, so
 * that two different lists of pieces never give the same bytes.
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
  if (parts.definition !== undefined) write([parts.definition]);
  return hash.hex();
}

/** Returns the fingerprint of a task that only runs its dependencies. */
export function groupFingerprint(key: string, dependencies: readonly string[]): string {
  return sha256Hex(JSON.stringify([FORMAT, "group", key, [...dependencies].sort()]));
}
