/**
 * How much room files take.
 *
 * @module
 */

import { isAbsent } from "./files.ts";

/** Files, and the sum of their sizes. */
export interface FolderSize {
  readonly files: number;
  readonly bytes: number;
}

/** The size of what is at a path, in bytes, links not followed; `undefined` if nothing is. */
export function fileSize(path: string): number | undefined {
  try {
    return Deno.lstatSync(path).size;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** What is directly in a folder; nothing if there is none. */
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
