/**
 * The script on the PATH that `simmer install` makes.
 *
 * @module
 */

import { joinPath } from "../system/files/files.ts";
import { ClientError, EXIT } from "./errors.ts";
import type { Invocation } from "./invocation.ts";

/** Lines by which scripts of all versions are recognised. */
const MARKS = ["# simmer's quick client", "# simmer's whole client", "# simmer's thin client"];

/** Options of `install` and `uninstall`. */
export const INSTALL_OPTIONS = [{
  name: "dir",
  kind: "text",
  value: "dir",
  summary: "the folder; default: ~/.local/bin",
}] as const;

/** Whether a text is that of a script that `simmer install` has made. */
export function isInstalled(text: string): boolean {
  return MARKS.some((mark) => text.includes(`\n${mark}`));
}

/**
 * The path of the script.
 *
 * @param dir the folder that was named
 * @throws {ClientError} if no folder was named, and there is no home
 */
export function installedPath({ env, cwd }: Invocation, dir: string | undefined): string {
  if (dir !== undefined) return joinPath(joinPath(cwd, dir), "simmer");
  if (env.HOME?.startsWith("/")) return joinPath(env.HOME, ".local/bin/simmer");
  throw new ClientError(EXIT.usage, "HOME is not set: '--dir <dir>' names a folder");
}
