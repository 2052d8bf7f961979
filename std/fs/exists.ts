/** What `exists` asks for beyond existence. */
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

/** Whether there is something at a path, of the kind that is asked for. */
export async function exists(path: string | URL, options: ExistsOptions = {}): Promise<boolean> {
  try {
    return fits(await Deno.stat(path), options);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** As `exists`. */
export function existsSync(path: string | URL, options: ExistsOptions = {}): boolean {
  try {
    return fits(Deno.statSync(path), options);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
