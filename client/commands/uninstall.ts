/**
 * `simmer uninstall`: removes the script that `simmer install` made.
 *
 * @module
 */

import { readTextIfPresent, removeIfPresent } from "../../system/files/files.ts";
import { defineCommand } from "../command.ts";
import { ClientError, EXIT } from "../errors.ts";
import { INSTALL_OPTIONS, installedPath, isInstalled } from "../installed.ts";

/** The `simmer uninstall` command. */
export const command = defineCommand({
  name: "uninstall",
  usage: "",
  summary: "Remove the script that 'simmer install' created",
  about: ["Scripts of older versions are removed, too; any other file is left unchanged."],
  options: INSTALL_OPTIONS,
  words: { min: 0, max: 0 },
}, (invocation, { values }) => {
  const path = installedPath(invocation, values.dir);
  const text = readTextIfPresent(path);
  if (text !== undefined && !isInstalled(text)) {
    throw new ClientError(
      EXIT.refused,
      `cannot remove ${path}: 'simmer install' did not create it`,
    );
  }
  const isRemoved = removeIfPresent(path);
  if (!values.quiet) {
    const message = isRemoved ? `removed ${path}\n` : `nothing is installed at ${path}\n`;
    invocation.output.write("stdout", message);
  }
  return Promise.resolve(EXIT.ok);
});
