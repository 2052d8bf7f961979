/**
 * State files of incremental compilers: `*.tsbuildinfo`.
 *
 * A compiler that finds its state writes only the outputs that have changed since. If the state is
 * no output, and the outputs are removed before the next run, that run makes half of them.
 *
 * @module
 */

import { folderEntries, isLargeFolder } from "../../system/files/file_signature.ts";
import { joinPath } from "../../system/files/files.ts";
import type { TreeSignatures } from "../../system/files/tree_signature.ts";

const SUFFIX = ".tsbuildinfo";

/** The names that the compiler gives them where its config does not say one. */
const USUAL_NAMES: readonly string[] = ["tsconfig.tsbuildinfo", ".tsbuildinfo"];

/**
 * Bytes of a folder up to which it is listed before and after each run: about 200 entries. In a
 * larger one only the usual names are looked for.
 */
const LISTED_FOLDER_BYTES = 8 * 1024;

/** Signatures of state files by their names. */
export type BuildInfos = ReadonlyMap<string, string>;

/**
 * The state files in a task's folder, not below it.
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

/** The name of a state file that is new or different; `undefined` if there is none. */
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
