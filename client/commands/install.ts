/**
 * `simmer install`: the thin client, on the PATH.
 *
 * @module
 */

import { ensureFolder, joinPath, readTextIfPresent, writeAtomically } from "../../system/files.ts";
import { selfCommand } from "../../system/self.ts";
import { defineCommand } from "../command.ts";
import { ClientError, EXIT } from "../exit_code.ts";
import type { Invocation } from "../invocation.ts";
import { MARK, thinScript } from "../thin_script.ts";

/** The option that both commands have. */
export const DIR_OPTION = {
  name: "dir",
  kind: "text",
  value: "dir",
  summary: "the folder; default: ~/.local/bin",
} as const;

/** The command. */
export const command = defineCommand({
  name: "install",
  usage: "",
  summary: "Put a quick 'simmer' on the PATH",
  about: [
    "It is a small shell script: where a server runs and its output is no terminal, 'simmer run'\n" +
    "is done by the server at once, without a runtime being started. It leaves everything else to\n" +
    "simmer itself, where that is now; install again when it has moved. The quick way needs Linux.",
  ],
  options: [DIR_OPTION],
  words: { min: 0, max: 0 },
}, (invocation, { values }) => {
  const { output, env } = invocation;
  const path = installPath(invocation, values.dir);
  if (isForeign(path)) {
    throw new ClientError(
      EXIT.refused,
      `cannot install ${path}: another program is there; '--dir <dir>' takes another folder`,
    );
  }
  const folder = path.slice(0, path.lastIndexOf("/"));
  ensureFolder(folder);
  writeAtomically(path, thinScript(selfCommand()), 0o755);
  if (values.quiet) return Promise.resolve(EXIT.ok);
  output.write("stdout", `installed ${path}\n`);
  if (!(env.PATH ?? "").split(":").includes(folder)) {
    output.write("stderr", `simmer: warning: ${folder} is not on the PATH\n`);
  }
  return Promise.resolve(EXIT.ok);
});

/** Where the script is, or would be. */
export function installPath({ env, cwd }: Invocation, dir: string | undefined): string {
  if (dir !== undefined) return joinPath(joinPath(cwd, dir), "simmer");
  if (env.HOME?.startsWith("/")) return joinPath(env.HOME, ".local/bin/simmer");
  throw new ClientError(EXIT.usage, "there is no HOME: '--dir <dir>' names a folder");
}

/** Whether another program than simmer's thin client is at a path. */
export function isForeign(path: string): boolean {
  const text = readTextIfPresent(path);
  return text !== undefined && !text.includes(MARK);
}
