/**
 * Translates `--affected` and the git revisions in filters into parameters.
 *
 * @module
 */

import type { RunTasksInput } from "../../wire/commands.ts";
import { FILTER_FORMS, parsePackageFilter } from "../../project/package_filter.ts";
import type { Invocation } from "../invocation.ts";
import { UsageError } from "./arguments.ts";
import { type ChangedFiles, GitChanges } from "./changed_files.ts";

/** The options that changes are needed for. */
interface ChangesRequest {
  readonly filters: readonly string[];
  /** The values of `--affected`. The last one counts. Empty if it was not given. */
  readonly affected: readonly string[];
  /** Receives what the working tree is compared with. */
  readonly say: (text: string) => void;
}

/**
 * Returns the files that differ from each revision that is named.
 *
 * @throws {UsageError} if a filter has a wrong form
 * @throws {ClientError} if git cannot compare with a revision
 */
export async function changesInput(
  { cwd, env }: Pick<Invocation, "cwd" | "env">,
  { filters, affected, say }: ChangesRequest,
): Promise<Pick<RunTasksInput, "changes" | "affected">> {
  const revisions = new Set<string>();
  for (const text of filters) {
    const filter = parsePackageFilter(text);
    if (filter === undefined) throw new UsageError(`invalid filter '${text}': ${FILTER_FORMS}`);
    if (filter.since !== undefined) revisions.add(filter.since);
  }
  const base = affected.at(-1);
  if (revisions.size === 0 && base === undefined) return {};
  const purpose = base === undefined ? `[${[...revisions][0]}]` : "--affected";
  const git = await GitChanges.open({ cwd, env }, purpose);
  const changes = new Map<string, readonly string[]>();
  for (const revision of revisions) {
    const found = await git.since(revision);
    say(comparison(found));
    changes.set(revision, found.files);
  }
  if (base === undefined) return { changes: Object.fromEntries(changes) };
  const found = await git.affected(base === "" ? undefined : base);
  say(comparison(found));
  // A name that no filter can have, because the same revision means other files there.
  changes.set(AFFECTED, found.files);
  return { changes: Object.fromEntries(changes), affected: AFFECTED };
}

const AFFECTED = "--affected";

function comparison({ base, files }: ChangedFiles): string {
  const count = files.length === 1 ? "1 file differs" : `${files.length} files differ`;
  return files.length === 0 ? `nothing differs from ${base}` : `${count} from ${base}`;
}
