/**
 * Removes orphaned temporary files: those that a process was writing when it was killed, before it
 * could rename them into place.
 *
 * @module
 */

import { fileKind, joinPath, listFolder, removeIfPresent } from "./files.ts";
import { isProcessAlive } from "../process/processes.ts";

/** Matches the names of temporary files that `temporaryPath` of files.ts gives. */
const TEMPORARY = /\.(\d+)\.[0-9a-f]{8}$/;

/**
 * Removes the temporary files in a folder whose process is no longer running.
 *
 * @param folder may be missing
 */
export function removeOrphanedFiles(folder: string): void {
  for (const name of listFolder(folder)) {
    const [, pid] = TEMPORARY.exec(name) ?? [];
    if (pid === undefined || isProcessAlive(Number(pid))) continue;
    const path = joinPath(folder, name);
    if (fileKind(path) !== "folder") removeIfPresent(path);
  }
}
