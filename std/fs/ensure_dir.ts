/** Makes a folder and its parents, if they are not there; throws where there is no folder but a file. */
export async function ensureDir(dir: string | URL): Promise<void> {
  await Deno.mkdir(dir, { recursive: true });
}

/** As `ensureDir`. */
export function ensureDirSync(dir: string | URL): void {
  Deno.mkdirSync(dir, { recursive: true });
}
