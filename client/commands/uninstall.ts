/**
 * `simmer uninstall`: the thin client, taken away.
 *
 * @module
 */

import { removeIfPresent } from "../../system/files.ts";
import { defineCommand } from "../command.ts";
import { ClientError, EXIT } from "../exit_code.ts";
import { DIR_OPTION, installPath, isForeign } from "./install.ts";

/** The command. */
export const command = defineCommand({
  name: "uninstall",
  usage: "",
  summary: "Take the quick 'simmer' away again",
  about: ["Only what 'simmer install' has put there is removed."],
  options: [DIR_OPTION],
  words: { min: 0, max: 0 },
}, (invocation, { values }) => {
  const path = installPath(invocation, values.dir);
  if (isForeign(path)) {
    throw new ClientError(EXIT.refused, `cannot remove ${path}: it is no thin client of simmer's`);
  }
  const wasThere = removeIfPresent(path);
  if (!values.quiet) {
    invocation.output.write("stdout", wasThere ? `removed ${path}\n` : `nothing is at ${path}\n`);
  }
  return Promise.resolve(EXIT.ok);
});
