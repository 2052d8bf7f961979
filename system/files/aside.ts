/**
 * What was being written aside when its writer was killed.
 *
 * @module
 */

import { fileKind, joinPath, listFolder, removeIfPresent } from "./files.ts";
import { isProcessAlive } from "../process/processes.ts";

/** The names that `asidePath` of files.ts gives. */
const ASIDE = /\.(\d+)\.[0-9a-f]{8}$/;

/**
 * Removes from a folder what processes have left aside that are gone.
 *
 * @param folder there need not be one
 */
export function removeLeftAside(folder: string): void {
  for (const name of listFolder(folder)) {
    const [, pid] = ASIDE.exec(name) ?? [];
    if (pid === undefined || isProcessAlive(Number(pid))) continue;
    const path = joinPath(folder, name);
    if (fileKind(path) !== "folder") removeIfPresent(path);
  }
}
