/**
 * Reads the members that a `pnpm-workspace.yaml` lists. The YAML library is evaluated only if there
 * is such a file.
 *
 * @module
 */

import defer * as yaml from "yaml";
import { projectError, projectErrorData, type WireError } from "../../wire/errors.ts";
import { readConfigText } from "../../project/config_text.ts";
import { PNPM_WORKSPACE } from "../../project/root.ts";
import { expandBraces } from "../../project/stars.ts";
import { joinPath } from "../../system/files/files.ts";
import { type ConfigText, placeOf } from "./jsonc.ts";
import type { MemberPattern } from "./members.ts";

/**
 * Returns the patterns under `packages`. A file without them has only settings.
 *
 * @throws {WireError} `projectError` of kind `invalid-config` if the file is no YAML, or `packages`
 *   is no list of strings
 */
export function readPnpmWorkspace(source: ConfigText): readonly MemberPattern[] {
  const document = yaml.parseDocument(source.text, { logLevel: "error" });
  const [mistake] = document.errors;
  if (mistake !== undefined) {
    // The parser recurses into nested values.
    const isTooDeep = mistake.code === "RESOURCE_EXHAUSTION";
    const text = isTooDeep ? "nested too deeply" : mistake.message.split(" at line")[0] ?? "";
    throw invalid(source, mistake.pos[0], text);
  }
  if (document.contents === null) return [];
  if (!yaml.isMap(document.contents)) throw invalid(source, 0, "a mapping is expected");
  const packages: unknown = document.contents.get("packages", true);
  if (packages === undefined || (yaml.isScalar(packages) && packages.value === null)) return [];
  if (!yaml.isSeq(packages)) {
    const at = yaml.isNode(packages) ? packages.range?.[0] : undefined;
    throw invalid(source, at ?? 0, '"packages" must be a list of strings');
  }
  return packages.items.map((item) => {
    const node = yaml.isAlias(item) ? item.resolve(document) : item;
    const at = (yaml.isNode(item) ? item.range?.[0] : undefined) ?? 0;
    if (!yaml.isScalar(node) || typeof node.value !== "string") {
      throw invalid(source, at, '"packages" must be a list of strings');
    }
    return { text: node.value, file: source.file, ...placeOf(source.text, at) };
  });
}

/**
 * Returns the patterns in the `pnpm-workspace.yaml` of a folder, with braces expanded. An invalid
 * file has none: the run that needs it reports the mistake.
 */
export function pnpmPatterns(root: string): readonly string[] {
  const file = joinPath(root, PNPM_WORKSPACE);
  try {
    const text = readConfigText(file, { folder: true });
    if (text === undefined) return [];
    return readPnpmWorkspace({ file, text }).flatMap((each) => expandBraces(each.text));
  } catch (error) {
    if (projectErrorData(error) === undefined) throw error;
    return [];
  }
}

function invalid(source: ConfigText, offset: number, mistake: string): WireError {
  const { line, column } = placeOf(source.text, offset);
  const { file } = source;
  return projectError(`Invalid config: ${file}:${line}:${column}: ${mistake}`, {
    kind: "invalid-config",
    file,
    line,
    column,
  });
}
