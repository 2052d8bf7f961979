/**
 * Stand-in for `copy` of jsr:@std/fs: copies a file, a link or a folder.
 *
 * @module
 */

import { cp } from "node:fs/promises";

export interface CopyOptions {
  overwrite?: boolean;
  preserveTimestamps?: boolean;
}

/** Copies a file, a link, or a folder with its content. */
export async function copy(
  src: string | URL,
  dest: string | URL,
  options: CopyOptions = {},
): Promise<void> {
  try {
    await cp(src, dest, {
      recursive: true,
      verbatimSymlinks: true,
      force: options.overwrite ?? false,
      errorOnExist: !(options.overwrite ?? false),
      preserveTimestamps: options.preserveTimestamps ?? false,
    });
  } catch (error) {
    const code = (error as { code?: string }).code;
    if (code !== "ERR_FS_CP_EEXIST" && code !== "EEXIST") throw error;
    throw new Deno.errors.AlreadyExists(`'${dest}' already exists.`);
  }
}
