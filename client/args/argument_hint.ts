/**
 * Advice for a task's argument that was taken for a task: `simmer run build x` instead of
 * `simmer run build -- x`. Loaded only after that mistake.
 *
 * @module
 */

import { projectErrorData, WireError } from "../../wire/errors.ts";
import { excerpt } from "../../wire/near_names.ts";
import { quoteIfNeeded } from "../../wire/quoting.ts";

/** Maximum length of the advised command line, in UTF-16 units. */
const MAX_LENGTH = 200;

/**
 * Adds the advice to an error about an unknown task if the name follows the name of a task. Returns
 * any other error unchanged.
 *
 * @param command name of the command, such as `run`
 * @param words names of tasks, as typed
 */
export function withArgumentHint(
  error: unknown,
  command: string,
  words: readonly string[],
): unknown {
  const data = projectErrorData(error);
  // An error about a dependency has a file.
  if (data?.kind !== "unknown-task" || data.file !== undefined) return error;
  const at = words.findIndex((word) => excerpt(word) === data.task);
  if (!(error instanceof WireError) || at < 1) return error;
  const parts = ["simmer", command, ...words.slice(0, at), "--", ...words.slice(at)];
  const example = parts.map(quoteIfNeeded).join(" ");
  const hint = example.length > MAX_LENGTH
    ? "Arguments for a task go after '--'."
    : `Arguments for a task go after '--': ${example}`;
  return new WireError(error.code, error.message, {
    ...data,
    details: [hint, ...(data.details ?? [])],
  });
}
