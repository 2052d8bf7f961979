/**
 * Translates the cache declaration of a task into the declarations of its file sets.
 *
 * @module
 */

import type { PatternSpec } from "../inputs/file_patterns.ts";
import type { CacheDeclaration } from "./fingerprint.ts";

/**
 * Returns the declaration of a task's inputs.
 *
 * @param options `isWithoutOutputs`: leaves the task's own outputs out
 */
export function inputSpec(
  declaration: CacheDeclaration,
  { isWithoutOutputs = false }: { readonly isWithoutOutputs?: boolean } = {},
): readonly string[] | PatternSpec {
  const { files, output, globs = [], lockfiles = [] } = declaration;
  const made = isWithoutOutputs ? output.filter((entry) => !entry.startsWith("!")) : [];
  if (globs.length === 0 && lockfiles.length === 0 && declaration.outputLanguage === undefined) {
    return [...files, ...made.map((entry) => `!${entry}`)];
  }
  return {
    entries: files,
    ...(globs.length === 0 ? {} : { globs }),
    ...(lockfiles.length === 0 ? {} : { lockfiles }),
    ...(made.length === 0 ? {} : { without: wholeSpec(outputSpec(made, declaration)) }),
  };
}

/** Returns the declaration of a task's outputs. */
export function outputSpec(
  output: readonly string[],
  { outputLanguage }: Pick<CacheDeclaration, "outputLanguage">,
): readonly string[] | PatternSpec {
  if (outputLanguage === undefined) return output;
  return { entries: [], globs: [{ ...outputLanguage, entries: output }] };
}

function wholeSpec(spec: readonly string[] | PatternSpec): PatternSpec {
  return "globs" in spec ? spec : { entries: spec as readonly string[] };
}
