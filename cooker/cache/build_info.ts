/**
 * Detects changed state files of incremental compilers (`*.tsbuildinfo`) that a task does not
 * declare as outputs.
 *
 * A compiler that finds its state writes only the outputs that have changed since. If the state is
 * not an output, and the outputs are removed before the next run, that run makes only half of them.
 *
 * @module
 */

import { folderEntries, isLargeFolder } from "../../system/files/file_signature.ts";
import { joinPath } from "../../system/files/files.ts";
import type { TreeSignatures } from "../../system/files/tree_signature.ts";

const SUFFIX = ".tsbuildinfo";

/** The compiler's default names, used if its config does not set one. */
const USUAL_NAMES: readonly string[] = ["tsconfig.tsbuildinfo", ".tsbuildinfo"];

/**
 * Largest folder in bytes that is listed before and after each run: about 200 entries. In a larger
 * folder, only the usual names are checked.
 */
const LISTED_FOLDER_BYTES = 8 * 1024;

/** Signatures of state files by their names. */
export type BuildInfos = ReadonlyMap<string, string>;

/**
 * Returns the state files in a task's folder, without subfolders.
 *
 * @param folder absolute
 */
export function buildInfosIn(folder: string, signatures: TreeSignatures): BuildInfos {
  const found = new Map<string, string>();
  const names = isLargeFolder(folder, LISTED_FOLDER_BYTES)
    ? USUAL_NAMES
    : (folderEntries(folder) ?? []).map(({ name }) => name).filter((name) => name.endsWith(SUFFIX));
  for (const name of names) {
    const signature = signatures.ofVisible(joinPath(folder, name))?.text;
    if (signature !== undefined) found.set(name, signature);
  }
  return found;
}

/** Returns the name of a state file that is new or different and not an output, or `undefined`. */
export function changedBuildInfo(
  before: BuildInfos,
  now: BuildInfos,
  isOutput: (name: string) => boolean,
): string | undefined {
  for (const [name, signature] of now) {
    if (before.get(name) !== signature && !isOutput(name)) return name;
  }
  return undefined;
}
