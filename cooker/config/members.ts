/**
 * Finds the member folders of a workspace.
 *
 * @module
 */

import { folderEntries } from "../../system/files/file_signature.ts";
import { joinPath, pathInside, visibleKind } from "../../system/files/files.ts";
import { isExactMember } from "../../project/root.ts";
import { PathPatterns } from "../inputs/patterns.ts";

/**
 * Returns the folders that the patterns of a workspace match. The matches of a wildcard are sorted.
 *
 * @param root absolute
 * @param patterns the entries of `workspace` or `workspaces`; a leading `!` excludes matches of
 *   wildcards, but not members that are named exactly
 * @param isMember returns true if a folder has a config
 */
export function memberFolders(
  root: string,
  patterns: readonly string[],
  isMember: (folder: string) => boolean,
): string[] {
  const found = new Set<string>();
  const excluded = PathPatterns.parse(root, patterns.filter((each) => each.startsWith("!")));
  for (const pattern of patterns.filter((each) => !each.startsWith("!"))) {
    const matches = PathPatterns.parse(root, [pattern]);
    if (matches === undefined) continue;
    const isExact = isExactMember(pattern);
    const folders = isExact
      ? [joinPath(root, pattern)].filter((folder) => visibleKind(folder) === "folder")
      : foldersBelow(matches);
    for (const folder of folders) {
      const isInside = folder !== root && pathInside(root, folder) !== undefined;
      const isExcluded = !isExact && excluded?.excludes(folder) === true;
      if (isInside && !isExcluded && isMember(folder)) found.add(folder);
    }
  }
  return [...found];
}

function foldersBelow(patterns: PathPatterns): string[] {
  const found: string[] = [];
  const open = [...patterns.bases];
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    for (const { name, kind } of folderEntries(folder) ?? []) {
      if (kind !== "folder" || name === "node_modules" || name.startsWith(".")) continue;
      const path = joinPath(folder, name);
      if (patterns.matches(path)) found.push(path);
      if (patterns.reachesInto(path)) open.push(path);
    }
  }
  return found.sort();
}
