/**
 * Stand-in for `emptyDir` of jsr:@std/fs: empties or creates a folder.
 *
 * @module
 */

/** Removes the content of a folder, or creates the folder. */
export async function emptyDir(dir: string | URL): Promise<void> {
  await Deno.mkdir(dir, { recursive: true });
  const folder = dir instanceof URL ? decodeURIComponent(dir.pathname) : dir;
  for await (const entry of Deno.readDir(dir)) {
    await Deno.remove(`${folder}/${entry.name}`, { recursive: true });
  }
}
