/**
 * Checks if a path exists, fast for paths that are mostly missing.
 *
 * `Deno.statSync` throws for a missing path, which takes ten times as long. The client must not
 * load this module at start, because it loads a part of Node's library.
 *
 * @module
 */

import { existsSync } from "node:fs";

/** Returns true if a path exists. Follows links. A path that can't be reached counts as missing. */
export function pathExists(path: string): boolean {
  return existsSync(path);
}
