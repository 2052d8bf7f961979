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
  summary: "Install simmer on the PATH, with its quick client",
  about: [
    "The quick client is a script for sh and Perl. It forwards a command line to a running server in a\n" +
    "few milliseconds. In all other cases it runs the whole client, which is this program at its\n" +
    "current path. Without Perl 5.10 or later, the installed script always runs the whole client.",
    "A script of an earlier 'simmer install' is replaced; any other file is left unchanged. Install\n" +
    "again after simmer or Deno has moved. The quick client has not been tested on macOS yet.",
  ],
  options: [
    ...INSTALL_OPTIONS,
    {
      name: "whole",
      kind: "flag",
      summary: "do not install the quick client, even if Perl is available",
    },
  ],
  words: { min: 0, max: 0 },
  examples: [["simmer install --dir /usr/local/bin", "install for all users of the machine"]],
}, async (invocation, { values }) => {
  const path = installedPath(invocation, values.dir);
  const text = fileKind(path) === "file" ? readTextIfPresent(path) : undefined;
  if (fileKind(path) !== undefined && (text === undefined || !isInstalled(text))) {
    throw new ClientError(
      EXIT.refused,
      `cannot install ${path}: another program has this path; '--dir <dir>' selects another folder`,
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
    lines.push("The quick client needs Perl 5.10 or later, which was not found.");
  }
  const folders = invocation.env.PATH?.split(":") ?? [];
  if (!folders.includes(parentFolder(path))) {
    lines.push(`${parentFolder(path)} is not on the PATH: add it.`);
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
