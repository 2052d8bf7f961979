/**
 * Stand-in for `exists` and `existsSync` of jsr:@std/fs: test whether a file exists.
 *
 * @module
 */

/** Conditions of `exists` beyond existence. */
export interface ExistsOptions {
  isReadable?: boolean;
  isDirectory?: boolean;
  isFile?: boolean;
}

function fits(info: Deno.FileInfo, options: ExistsOptions): boolean {
  if (options.isDirectory && options.isFile) {
    throw new TypeError(
      "ExistsOptions.options.isDirectory and ExistsOptions.options.isFile must not be true together",
    );
  }
  if (options.isDirectory && !info.isDirectory) return false;
  if (options.isFile && !info.isFile) return false;
  if (!options.isReadable || info.mode === null || Deno.uid() === 0) return true;
  if (info.uid === Deno.uid()) return (info.mode & 0o400) !== 0;
  if (info.gid === Deno.gid()) return (info.mode & 0o040) !== 0;
  return (info.mode & 0o004) !== 0;
}

/** Returns true if a file of the requested kind exists at a path. */
export async function exists(path: string | URL, options: ExistsOptions = {}): Promise<boolean> {
  try {
    return fits(await Deno.stat(path), options);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Synchronous version of `exists`. */
export function existsSync(path: string | URL, options: ExistsOptions = {}): boolean {
  try {
    return fits(Deno.statSync(path), options);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
