/**
 * Finding what patterns mean.
 *
 * @module
 */

import { folderEntries } from "../../system/file_signature.ts";
import { fileKind } from "../../system/files.ts";
import type { PathPatterns } from "./patterns.ts";

/** Something that was found. */
export interface FoundPath {
  /** Absolute. */
  readonly path: string;
  readonly kind: "file" | "folder" | "link" | "other";
}

/** Folders that patterns never reach into, unless a pattern names them. */
export const SKIPPED: ReadonlySet<string> = new Set([".git", "node_modules", ".simmer"]);

/**
 * Finds the files and links that patterns mean, and the empty folders; folders that can't be read
 * count as empty. Links are not followed, but for the bases themselves.
 *
 * @param enter is told of each folder before it is read
 * @returns sorted by path
 */
export function walk(patterns: PathPatterns, enter: (folder: string) => void): FoundPath[] {
  const found = new Map<string, FoundPath>();
  const visited = new Set<string>();
  const open: string[] = [];
  for (const base of new Set(patterns.bases)) {
    if (patterns.excludes(base)) continue;
    const kind = fileKind(base);
    if (kind === "folder") open.push(base);
    else if (kind !== undefined && patterns.matches(base)) found.set(base, { path: base, kind });
  }
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    if (visited.has(folder)) continue;
    visited.add(folder);
    enter(folder);
    const entries = folderEntries(folder) ?? [];
    if (entries.length === 0 && patterns.matches(folder)) {
      found.set(folder, { path: folder, kind: "folder" });
    }
    for (const { name, kind } of entries) {
      const path = folder === "/" ? `/${name}` : `${folder}/${name}`;
      if (kind !== "folder") {
        if (patterns.matches(path)) found.set(path, { path, kind });
      } else if (!SKIPPED.has(name.toLowerCase()) && patterns.reachesInto(path)) {
        open.push(path);
      }
    }
  }
  return [...found.values()].sort((a, b) => a.path < b.path ? -1 : a.path > b.path ? 1 : 0);
}
