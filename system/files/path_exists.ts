/**
 * Whether something exists at a path, where most often nothing does.
 *
 * `Deno.statSync` throws then, which takes ten times as long as the question. The module is not for
 * the client's start-up path: it loads a part of Node's library.
 *
 * @module
 */

import { existsSync } from "node:fs";

/** Whether anything is at a path; links are followed, and what cannot be reached does not exist. */
export function pathExists(path: string): boolean {
  return existsSync(path);
}
