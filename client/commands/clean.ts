/**
 * `simmer clean`: the cache of results, made smaller or empty.
 *
 * @module
 */

import { UsageError } from "../arguments.ts";
import { defineCommand } from "../command.ts";
import { ClientError, EXIT } from "../exit_code.ts";

/** What stays where nothing else is said, in bytes: as much as a server keeps by itself. */
const DEFAULT_MAX_BYTES = 10 * 1024 ** 3;

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
};

/** The command. */
export const command = defineCommand({
  name: "clean",
  usage: "",
  summary: "Make the cache of results smaller, or empty",
  about: [
    "The cache is the user's, for all projects: $SIMMER_CACHE_DIR, else $XDG_CACHE_HOME/simmer,\n" +
    "else ~/.cache/simmer. What was used least recently goes first. Servers may go on meanwhile.",
  ],
  options: [
    { name: "dry-run", letter: "n", kind: "flag", summary: "say what would go, remove nothing" },
    {
      name: "max-size",
      kind: "text",
      value: "size",
      summary: "what may stay: bytes, or with K, M, G or T; default: 10G",
    },
    { name: "all", kind: "flag", summary: "remove everything" },
  ],
  words: { min: 0, max: 0 },
  examples: [["simmer clean --max-size 2G", "keep the two GiB that were used last"]],
}, async ({ output, cleanCache }, { values }) => {
  const size = values["max-size"];
  if (values.all && size !== undefined) {
    throw new UsageError("'--all' and '--max-size <size>' exclude each other");
  }
  const maxBytes = values.all ? 0 : size === undefined ? DEFAULT_MAX_BYTES : bytesOf(size);
  const report = await cleanCache({ maxBytes, dryRun: values["dry-run"] });
  if (report === undefined) {
    throw new ClientError(
      EXIT.usage,
      "there is no cache: set SIMMER_CACHE_DIR, XDG_CACHE_HOME or HOME to an absolute path",
    );
  }
  const { folder, records, bytes, removedRecords, removedBytes } = report;
  if (values.json) output.write("stdout", `${JSON.stringify(report)}\n`);
  else if (!values.quiet) {
    const what = values["dry-run"] ? "would remove" : "removed";
    output.write(
      "stdout",
      `${folder}: ${records} results, ${sizeText(bytes)}; ${what} ${removedRecords} results, ` +
        `${sizeText(removedBytes)}\n`,
    );
  }
  return EXIT.ok;
});

/** @throws {UsageError} for what is no size */
function bytesOf(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text);
  const bytes = Number(match?.[1]) * (UNITS[match?.[2]?.toLowerCase() ?? ""] ?? NaN);
  if (Number.isFinite(bytes)) return Math.floor(bytes);
  throw new UsageError(
    `invalid value '${text}' for '--max-size <size>': it is a number of bytes, or one with K, M, G or T`,
  );
}

/** A size as people read it. */
function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`;
  const unit = Math.min(4, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** unit).toFixed(1)} ${" KMGT"[unit]}iB`;
}
