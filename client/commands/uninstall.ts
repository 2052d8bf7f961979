/**
 * `simmer uninstall`: removes the shell client that `simmer install` of an older version made.
 *
 * @module
 */

import { joinPath, readTextIfPresent, removeIfPresent } from "../../system/files/files.ts";
import { defineCommand } from "../command.ts";
import { ClientError, EXIT } from "../errors.ts";
import type { Invocation } from "../invocation.ts";

/** The line by which every version of the shell client is recognised. */
const MARK = "# simmer's thin client";

/** The command. */
export const command = defineCommand({
  name: "uninstall",
  usage: "",
  summary: "Remove the shell client of an older version",
  about: [
    "Older versions had 'simmer install', which put a shell client on the PATH. This version has no\n" +
    "shell client and no 'simmer install'; a successor is planned. 'simmer uninstall' removes an\n" +
    "installed shell client, and refuses to remove any other file.",
  ],
  options: [{
    name: "dir",
    kind: "text",
    value: "dir",
    summary: "the folder; default: ~/.local/bin",
  }],
  words: { min: 0, max: 0 },
}, (invocation, { values }) => {
  const path = installedPath(invocation, values.dir);
  const text = readTextIfPresent(path);
  if (text !== undefined && !text.includes(MARK)) {
    throw new ClientError(EXIT.refused, `cannot remove ${path}: it is not simmer's shell client`);
  }
  const isRemoved = removeIfPresent(path);
  if (!values.quiet) {
    const message = isRemoved ? `removed ${path}\n` : `no shell client is installed at ${path}\n`;
    invocation.output.write("stdout", message);
  }
  return Promise.resolve(EXIT.ok);
});

function installedPath({ env, cwd }: Invocation, dir: string | undefined): string {
  if (dir !== undefined) return joinPath(joinPath(cwd, dir), "simmer");
  if (env.HOME?.startsWith("/")) return joinPath(env.HOME, ".local/bin/simmer");
  throw new ClientError(EXIT.usage, "HOME is not set: '--dir <dir>' names a folder");
}
