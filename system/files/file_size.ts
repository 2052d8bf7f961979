/**
 * Returns the sizes of single files, and of the files in a folder.
 *
 * @module
 */

import { isAbsent } from "./files.ts";

/** The number of files in a folder, and the sum of their sizes. */
export interface FolderSize {
  readonly files: number;
  readonly bytes: number;
}

/** Returns a file's size in bytes, or `undefined` if it is missing. Does not follow links. */
export function fileSize(path: string): number | undefined {
  try {
    return Deno.lstatSync(path).size;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** Counts the entries directly in a folder, with their sizes. A missing folder has no entries. */
export function folderSize(path: string): FolderSize {
  let [files, bytes] = [0, 0];
  try {
    for (const { name } of Deno.readDirSync(path)) {
      files++;
      bytes += fileSize(`${path}/${name}`) ?? 0;
    }
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
  return { files, bytes };
}
