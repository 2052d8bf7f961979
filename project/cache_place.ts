/**
 * Where results are kept: one folder for all of a user's projects and checkouts.
 *
 * @module
 */

import { joinPath } from "../system/files.ts";

/** The environment variables that decide. */
export interface CacheVariables {
  /** `$SIMMER_CACHE_DIR` */
  readonly simmerCacheDir: string | undefined;
  /** `$XDG_CACHE_HOME` */
  readonly xdgCacheHome: string | undefined;
  /** `$HOME` */
  readonly home: string | undefined;
}

/**
 * The cache's folder; a relative path in a variable does not count, as the XDG rules have it.
 *
 * @returns absolute; `undefined` where no variable says a place
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { cacheFolder } from "../project/cache_place.ts";
 *
 * const nothing = { simmerCacheDir: undefined, xdgCacheHome: undefined, home: undefined };
 * assertEquals(cacheFolder({ ...nothing, home: "/home/u" }), "/home/u/.cache/simmer");
 * assertEquals(cacheFolder({ ...nothing, simmerCacheDir: "/c", home: "/home/u" }), "/c");
 * assertEquals(cacheFolder(nothing), undefined);
 * ```
 */
export function cacheFolder(variables: CacheVariables): string | undefined {
  const { simmerCacheDir, xdgCacheHome, home } = variables;
  if (isAbsolute(simmerCacheDir)) return joinPath(simmerCacheDir);
  if (isAbsolute(xdgCacheHome)) return joinPath(xdgCacheHome, "simmer");
  return isAbsolute(home) ? joinPath(home, ".cache", "simmer") : undefined;
}

function isAbsolute(path: string | undefined): path is string {
  return path !== undefined && path.startsWith("/");
}
