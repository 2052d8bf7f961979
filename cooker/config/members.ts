/**
 * Finds the member folders of a workspace from the patterns in its config.
 *
 * @module
 */

import { folderEntries } from "../../system/files/file_signature.ts";
import {
  baseName,
  joinPath,
  parentFolder,
  pathInside,
  visibleKind,
} from "../../system/files/files.ts";
import { projectError, type WireError } from "../../wire/errors.ts";
import { excerpt } from "../../wire/near_names.ts";
import { isExactMember } from "../../project/root.ts";
import { expandBraces } from "../../project/stars.ts";
import { PathPatterns } from "../inputs/patterns.ts";
import { nearestName } from "../plan/task_names.ts";

/** A pattern of a workspace's members, with its position in the config. */
export interface MemberPattern {
  /** A leading `!` excludes matches of wildcards, but not members that are named exactly. */
  readonly text: string;
  /** The config file, absolute. */
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  /** Counted from 1. */
  readonly column: number;
}

/**
 * Returns the folders that the patterns of a workspace match. The matches of a wildcard are sorted.
 *
 * @param root absolute
 * @param isMember returns true if a folder has a config
 * @throws {WireError} `projectError` of kind `invalid-config` if a pattern without wildcards names a
 *   folder that does not exist, or one that is not below the root
 */
export function memberFolders(
  root: string,
  patterns: readonly MemberPattern[],
  isMember: (folder: string) => boolean,
): string[] {
  const found = new Set<string>();
  const texts = patterns.flatMap(({ text }) => expandBraces(text));
  const excluded = PathPatterns.parse(root, texts.filter((each) => each.startsWith("!")));
  for (const pattern of patterns.filter(({ text }) => !text.startsWith("!"))) {
    for (const text of expandBraces(pattern.text)) {
      for (const folder of matchingFolders(root, text, pattern)) {
        const isExcluded = !isExactMember(text) && excluded?.excludes(folder) === true;
        if (folder !== root && !isExcluded && isMember(folder)) found.add(folder);
      }
    }
  }
  return [...found];
}

function matchingFolders(root: string, text: string, pattern: MemberPattern): string[] {
  if (isExactMember(text)) return [exactFolder(root, text, pattern)];
  const matches = PathPatterns.parse(root, [text]);
  if (matches === undefined) return [];
  if (matches.bases.some((base) => pathInside(root, joinPath(base)) === undefined)) {
    throw outsideError(root, pattern);
  }
  // A last `**` also stands for no folder.
  return [...(/(^|\/)\*\*\/*$/.test(text) ? matches.bases : []), ...foldersBelow(matches)];
}

function exactFolder(root: string, text: string, pattern: MemberPattern): string {
  const folder = joinPath(root, text);
  if (pathInside(root, folder) === undefined) throw outsideError(root, pattern);
  if (visibleKind(folder) === "folder") return folder;
  throw memberError(
    pattern,
    `the workspace member "${excerpt(text)}" does not exist`,
    nearestFolder(root, folder),
  );
}

function outsideError(root: string, pattern: MemberPattern): WireError {
  return memberError(
    pattern,
    `the workspace member "${excerpt(pattern.text)}" is outside of the workspace ${root}`,
  );
}

/** Returns the folder beside a missing one whose name is nearest, relative to the root. */
function nearestFolder(root: string, missing: string): string | undefined {
  const parent = parentFolder(missing);
  const names = (folderEntries(parent) ?? [])
    .filter(({ kind, name }) => kind === "folder" && !isSkipped(name))
    .map(({ name }) => name);
  const nearest = nearestName(baseName(missing), names);
  return nearest === undefined ? undefined : pathInside(root, joinPath(parent, nearest));
}

function memberError(
  { file, line, column }: MemberPattern,
  mistake: string,
  nearest?: string,
): WireError {
  const advice = nearest === undefined ? "" : `. Did you mean "${nearest}"?`;
  return projectError(`Invalid config: ${file}:${line}:${column}: ${mistake}${advice}`, {
    kind: "invalid-config",
    file,
    line,
    column,
    ...(nearest === undefined ? {} : { nearest }),
  });
}

function foldersBelow(patterns: PathPatterns): string[] {
  const found: string[] = [];
  const open = [...patterns.bases];
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    for (const { name, kind } of folderEntries(folder) ?? []) {
      if (kind !== "folder" || isSkipped(name)) continue;
      const path = joinPath(folder, name);
      if (patterns.matches(path)) found.push(path);
      if (patterns.reachesInto(path)) open.push(path);
    }
  }
  return found.sort();
}

function isSkipped(name: string): boolean {
  return name === "node_modules" || name.startsWith(".");
}
