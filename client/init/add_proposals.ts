/**
 * Adds proposals to a config file, and checks that the config is still valid.
 *
 * @module
 */

import { readConfigText } from "../../project/config_text.ts";
import { infoIfPresent, realPath, writeAtomically } from "../../system/files/files.ts";
import type { Proposal } from "./proposals.ts";
import { withProposals } from "./settings_text.ts";

/** Permission bits of a mode, and those of a file whose mode is not known. */
const PERMISSIONS = 0o777;
const DEFAULT_MODE = 0o644;

/** A task with its proposal. */
export type TaskProposal = readonly [task: string, proposal: Proposal];

/**
 * Adds proposals to a config file.
 *
 * @param check reads the project's config. If it fails, the file is restored
 * @returns `false` if the file has all of the settings already
 */
export async function addProposals(
  path: string,
  proposals: readonly TaskProposal[],
  check: () => Promise<unknown>,
): Promise<boolean> {
  const file = realPath(path);
  const before = readConfigText(file) ?? "";
  const after = withProposals(before, proposals);
  if (after === before) return false;
  const mode = (infoIfPresent(file)?.mode ?? DEFAULT_MODE) & PERMISSIONS;
  writeAtomically(file, after, mode);
  try {
    await check();
  } catch (error) {
    writeAtomically(file, before, mode);
    throw error;
  }
  return true;
}
