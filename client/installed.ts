/**
 * Path and recognition of the script that `simmer install` puts on the PATH.
 *
 * @module
 */

import { joinPath } from "../system/files/files.ts";
import { ClientError, EXIT } from "./errors.ts";
import type { Invocation } from "./invocation.ts";

/** Lines that identify the scripts of all versions. */
const MARKS = ["# simmer's quick client", "# simmer's whole client", "# simmer's thin client"];

/** Options of `install` and `uninstall`. */
export const INSTALL_OPTIONS = [{
  name: "dir",
  kind: "text",
  value: "dir",
  summary: "the folder of the script; default: ~/.local/bin",
}] as const;

/** Returns true if a text is a script that `simmer install` has made. */
export function isInstalled(text: string): boolean {
  return MARKS.some((mark) => text.includes(`\n${mark}`));
}

/**
 * Returns the path of the script.
 *
 * @param dir the folder that the user named
 * @throws {ClientError} if the user named no folder and HOME is not set
 */
export function installedPath({ env, cwd }: Invocation, dir: string | undefined): string {
  if (dir !== undefined) return joinPath(joinPath(cwd, dir), "simmer");
  if (env.HOME?.startsWith("/")) return joinPath(env.HOME, ".local/bin/simmer");
  throw new ClientError(EXIT.usage, "HOME is not set: give a folder with '--dir <dir>'");
}
