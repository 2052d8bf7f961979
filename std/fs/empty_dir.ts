/** Removes what is in a folder, or makes the folder. */
export async function emptyDir(dir: string | URL): Promise<void> {
  await Deno.mkdir(dir, { recursive: true });
  const folder = dir instanceof URL ? decodeURIComponent(dir.pathname) : dir;
  for await (const entry of Deno.readDir(dir)) {
    await Deno.remove(`${folder}/${entry.name}`, { recursive: true });
  }
}
