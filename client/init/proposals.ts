/**
 * Proposes inputs and outputs for tasks that declare none.
 *
 * The proposed inputs are what is in the task's folder, entry by entry: more than the task reads, so
 * that no change of an input is missed. `files` can be narrowed afterwards.
 *
 * @module
 */

import { readConfigText, withoutComments } from "../../project/config_text.ts";
import { joinPath, listFolder, pathInside, visibleKind } from "../../system/files/files.ts";
import { recognize, type Recognized, type ToolContext } from "./known_tools.ts";

/** A proposal for the settings of a task. */
export interface Proposal {
  readonly files: readonly string[];
  readonly output?: readonly string[];
}

/** A task to be cached. */
interface Candidate {
  readonly command: string;
  /** The folder that it runs in, absolute. */
  readonly folder: string;
}

/** Folders that tools write, and files that no task depends on. */
const IGNORED =
  /^(?:node_modules|dist|build|out|output|coverage|target|tmp|temp|\.\w.*|.*\.(?:md|log|tgz|tsbuildinfo)|licen[cs]e.*)$/i;

/** Hidden files that configure tools. */
const HIDDEN = /^\.(?:babel|browserslist|eslint|prettier|stylelint|swc|npm)\w*(?:rc|ignore)/;

/** Files of the root that configure tools in all members. */
const SHARED = /^(?:tsconfig[\w.-]*\.json|(?:eslint|prettier|biome|babel|jest|vitest)\.[\w.-]+)$/;

/** Returns a proposal, or the reason why there is none. */
export function proposalFor(
  { command, folder }: Candidate,
  root: string,
): Proposal | Extract<Recognized, { readonly kind: "not" }> {
  const recognized = recognize(command, contextOf(folder));
  if (recognized.kind === "not") return recognized;
  const { output } = recognized;
  const written = new Set(output.map((path) => path.replace(/\/.*$/, "")));
  const own = listFolder(folder).filter((name) =>
    !written.has(name) && (HIDDEN.test(name) || !IGNORED.test(name))
  ).sort();
  const inside = pathInside(root, folder) ?? "";
  const up = inside === "" ? undefined : "../".repeat(inside.split("/").length);
  const shared = up === undefined
    ? []
    : listFolder(root).filter((name) => SHARED.test(name) || HIDDEN.test(name)).sort();
  const files = [...own, ...shared.map((name) => `${up}${name}`)];
  if (files.length === 0) return { kind: "not", reason: "has no inputs in its folder" };
  return { files, ...(output.length === 0 ? {} : { output }) };
}

function contextOf(folder: string): ToolContext {
  return {
    outDir: (tsconfig) => {
      const config = readJson(joinPath(folder, tsconfig));
      const options = memberOf(config, "compilerOptions");
      const outDir = memberOf(options, "outDir");
      return typeof outDir === "string" && outDir !== "." && outDir !== "./" ? outDir : undefined;
    },
  };
}

/** Returns the value of a JSON file with comments, and `undefined` if it is missing or no JSON. */
export function readJson(file: string): unknown {
  if (visibleKind(file) !== "file") return undefined;
  const text = readConfigText(file, { folder: true, denied: true });
  if (text === undefined) return undefined;
  try {
    return JSON.parse(withoutComments(text));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Returns a member of an object, and `undefined` for any other value. */
export function memberOf(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}
