/**
 * Stand-in for `ensureDir` and `ensureDirSync` of jsr:@std/fs: create folders.
 *
 * @module
 */

/** Creates a folder and its parents, if they are missing. Throws if the path is a file. */
export async function ensureDir(dir: string | URL): Promise<void> {
  await Deno.mkdir(dir, { recursive: true });
}

/** Synchronous version of `ensureDir`. */
export function ensureDirSync(dir: string | URL): void {
  Deno.mkdirSync(dir, { recursive: true });
}
