/**
 * Options of `deno task` that are meant for Deno itself. They are passed on to the `deno` whose
 * shell runs the tasks.
 *
 * @module
 */

import { joinPath } from "../../system/files/files.ts";
import type { ValuesFor } from "./arguments.ts";

/** The rows of the options that are passed on to Deno. */
export const DENO_OPTIONS = [
  {
    name: "frozen",
    alias: "frozen-lockfile",
    kind: "list",
    value: "boolean",
    fallback: "true",
    summary: "for Deno: whether an outdated lock file is an error",
  },
  {
    name: "lock",
    kind: "list",
    value: "file",
    fallback: "",
    takesNext: true,
    summary: "for Deno: the lock file to check; default: deno.lock",
  },
  { name: "no-lock", kind: "flag", summary: "for Deno: do not use a lock file" },
  {
    name: "node-modules-dir",
    kind: "list",
    value: "mode",
    fallback: "auto",
    summary: "for Deno: mode of node_modules: auto, manual or none",
  },
  {
    name: "unstable",
    kind: "family",
    value: "feature",
    summary: "for Deno: enable an unstable feature",
  },
] as const;

/**
 * Formats the options as arguments for `deno`. If one is repeated, the last one counts.
 *
 * @param folder absolute path of the caller's folder; the lock file's path is relative to it
 */
export function denoFlags(values: ValuesFor<typeof DENO_OPTIONS>, folder: string): string[] {
  const lock = values.lock.at(-1);
  const [frozen, modules] = [values.frozen.at(-1), values["node-modules-dir"].at(-1)];
  return [
    ...(frozen === undefined ? [] : [`--frozen=${frozen}`]),
    ...(lock === undefined ? [] : [lock === "" ? "--lock" : `--lock=${joinPath(folder, lock)}`]),
    ...(values["no-lock"] ? ["--no-lock"] : []),
    ...(modules === undefined ? [] : [`--node-modules-dir=${modules}`]),
    ...values.unstable,
  ];
}
