/**
 * `simmer clean`: shrinks or empties the cache of results.
 *
 * @module
 */

import { parseSize, SIZE_FORM, sizeText } from "../../system/size.ts";
import { UsageError } from "../args/arguments.ts";
import { defineCommand } from "../command.ts";
import { CachePlaceError } from "../../project/cache_place.ts";
import { ClientError, EXIT } from "../errors.ts";
import type { CleanReport, CleanRequest, Invocation } from "../invocation.ts";

/** The default for `--max-size`, in bytes: the size to which a server itself limits the cache. */
const DEFAULT_MAX_BYTES = 10 * 1024 ** 3;

/** The `simmer clean` command. */
export const command = defineCommand({
  name: "clean",
  usage: "",
  summary: "Shrink or empty the result cache",
  about: [
    "All projects of a user share one cache: $SIMMER_CACHE_DIR, else $XDG_CACHE_HOME/simmer, else\n" +
    "~/.cache/simmer. The least recently used results are removed first. Servers may keep running.",
  ],
  options: [
    {
      name: "dry-run",
      letter: "n",
      kind: "flag",
      summary: "show what would be removed, without removing it",
    },
    {
      name: "max-size",
      kind: "text",
      value: "size",
      summary: "maximum cache size: bytes, or with suffix K, M, G or T; default: 10G",
    },
    { name: "all", kind: "flag", summary: "remove all results" },
  ],
  words: { min: 0, max: 0 },
  examples: [["simmer clean --max-size 2G", "keep the 2 GiB used most recently"]],
}, async (invocation, { values }) => {
  const { output } = invocation;
  const size = values["max-size"];
  if (values.all && size !== undefined) {
    throw new UsageError("'--all' cannot be used with '--max-size <size>'");
  }
  const maxBytes = values.all ? 0 : size === undefined ? DEFAULT_MAX_BYTES : bytesOf(size);
  const report = await cleaned(invocation, { maxBytes, dryRun: values["dry-run"] });
  if (report === undefined) {
    throw new ClientError(
      EXIT.usage,
      "no cache folder is configured: set SIMMER_CACHE_DIR, XDG_CACHE_HOME or HOME to an absolute path",
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

/** @throws {ClientError} if the cache's folder belongs to another user */
async function cleaned(
  { cleanCache }: Invocation,
  request: CleanRequest,
): Promise<CleanReport & { readonly folder: string } | undefined> {
  try {
    return await cleanCache(request);
  } catch (error) {
    if (!(error instanceof CachePlaceError)) throw error;
    throw new ClientError(EXIT.refused, error.message);
  }
}

/** @throws {UsageError} if the text is not a size */
function bytesOf(text: string): number {
  const bytes = parseSize(text);
  if (bytes !== undefined) return bytes;
  throw new UsageError(`invalid value '${text}' for '--max-size <size>': expected ${SIZE_FORM}`);
}
