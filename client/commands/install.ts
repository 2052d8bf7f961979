/**
 * `simmer install`: puts simmer on the PATH. Installs the quick client if Perl is available.
 *
 * @module
 */

import { ensureDirSync } from "@std/fs/ensure-dir";
import {
  fileKind,
  parentFolder,
  readTextIfPresent,
  writeAtomically,
} from "../../system/files/files.ts";
import { runTool } from "../../system/process/tool.ts";
import { defineCommand } from "../command.ts";
import { ClientError, EXIT } from "../errors.ts";
import { INSTALL_OPTIONS, installedPath, isInstalled } from "../installed.ts";

/** The Perl of the system's own packages. It is tried before the Perl of the PATH. */
const SYSTEM_PERL = "/usr/bin/perl";

/** Prints `ok` if Perl is of version 5.10 or later and has 64-bit numbers. */
const PROBE = 'print "ok" if $] >= 5.010 && pack("QP", 1, "") ne ""';

/** The timeout for running Perl, in milliseconds. */
const PROBE_MS = 5000;

const EXECUTABLE = 0o755;

/** The `simmer install` command. */
export const command = defineCommand({
  name: "install",
  usage: "",
  summary: "Put simmer on the PATH, with its quick client",
  about: [
    "The quick client is a script for sh and Perl. If a server runs, it takes a command line there in\n" +
    "a few milliseconds; everything else it leaves to the whole client, which is this program, where\n" +
    "it is now. Without Perl 5.10 or later a script that runs the whole client is installed instead.",
    "A script that an earlier 'simmer install' made is replaced; any other file is left alone. Install\n" +
    "again when simmer or Deno has moved. On macOS the quick client has not been tried yet.",
  ],
  options: [
    ...INSTALL_OPTIONS,
    {
      name: "whole",
      kind: "flag",
      summary: "without the quick client, whether there is Perl or not",
    },
  ],
  words: { min: 0, max: 0 },
  examples: [["simmer install --dir /usr/local/bin", "for every user of the machine"]],
}, async (invocation, { values }) => {
  const path = installedPath(invocation, values.dir);
  const text = fileKind(path) === "file" ? readTextIfPresent(path) : undefined;
  if (fileKind(path) !== undefined && (text === undefined || !isInstalled(text))) {
    throw new ClientError(
      EXIT.refused,
      `cannot install ${path}: another program is there; '--dir <dir>' names another folder`,
    );
  }
  const perl = values.whole ? undefined : await usablePerl();
  const script = await invocation.clientScript(perl);
  ensureDirSync(parentFolder(path));
  writeAtomically(path, script, EXECUTABLE);
  if (values.quiet) return EXIT.ok;
  const lines = [
    perl === undefined
      ? `installed ${path}: the whole client`
      : `installed ${path}: the quick client, by ${perl}`,
  ];
  if (perl === undefined && !values.whole) {
    lines.push("The quick client needs Perl 5.10 or later, and none was found.");
  }
  const folders = invocation.env.PATH?.split(":") ?? [];
  if (!folders.includes(parentFolder(path))) {
    lines.push(`${parentFolder(path)} is not on the PATH: add it there.`);
  }
  invocation.output.write("stdout", lines.map((line) => `${line}\n`).join(""));
  return EXIT.ok;
});

/** Finds the path of a Perl that can run the quick client. */
async function usablePerl(): Promise<string | undefined> {
  for (const perl of [SYSTEM_PERL, await whichPerl()]) {
    if (perl !== undefined && await runTool(perl, ["-e", PROBE], PROBE_MS) === "ok") return perl;
  }
  return undefined;
}

/** Returns the path of the Perl on the PATH, as Perl itself reports it. */
async function whichPerl(): Promise<string | undefined> {
  const path = await runTool("perl", ["-e", "print $^X if $^X =~ m!^/!"], PROBE_MS);
  return path?.startsWith("/") === true ? path : undefined;
}
