/**
 * Finds the member folders of a workspace, selects those that a run is about, and sorts them so
 * that each comes after the folders that it imports.
 *
 * @module
 */

import { folderEntries } from "../../system/files/file_signature.ts";
import { baseName, joinPath, pathInside, visibleKind } from "../../system/files/files.ts";
import { isExactMember } from "../../project/root.ts";
import { matchStars } from "../../project/stars.ts";
import { PathPatterns } from "../inputs/patterns.ts";
import type { TaskScope } from "./scope.ts";
import type { TaskFile } from "./tasks.ts";

/** A folder of a workspace: its root, or a member. */
export interface WorkspaceFolder {
  /** Absolute. */
  readonly folder: string;
  readonly isRoot: boolean;
  /** The folder's own config files. The first one that defines a name wins. */
  readonly files: readonly TaskFile[];
  /** The tasks that can be found from the folder. */
  readonly scope: TaskScope;
}

/** The client's selection of workspace folders. */
interface FolderSelection {
  /** Selects all folders. */
  readonly recursive: boolean;
  /** Selects all folders except the root. */
  readonly members: boolean;
  /**
   * Selects the folders whose package name or folder name contains this text. A `*` matches any
   * characters.
   */
  readonly filter?: string | undefined;
}

/** Returns true if the options select workspace folders. Otherwise, a run is about one folder. */
export function isWorkspaceRun({ recursive, members, filter }: FolderSelection): boolean {
  return recursive || members || filter !== undefined;
}

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

/** Returns the folders that a selection means. */
export function selectFolders(
  folders: readonly WorkspaceFolder[],
  { recursive, members, filter }: FolderSelection,
): WorkspaceFolder[] {
  if (filter === undefined) return folders.filter(({ isRoot }) => recursive || !members || !isRoot);
  const pattern = `*${filter}*`;
  return folders.filter(({ folder, isRoot, files }) => {
    const names = files.flatMap((file) => file.packageName ?? []);
    return [...names, ...(isRoot ? [] : [baseName(folder)])].some((name) =>
      matchStars(pattern, name) !== undefined
    );
  });
}

/** A folder with its place in the import order. */
export interface OrderedFolder extends WorkspaceFolder {
  /** The folders that it imports, directly or not. All of them come before it. */
  readonly after: readonly string[];
}

/**
 * Sorts folders so that each comes after those that it imports. In an import cycle, the folder that
 * is visited first comes last.
 */
export function orderByImports(folders: readonly WorkspaceFolder[]): OrderedFolder[] {
  const byName = new Map<string, WorkspaceFolder>();
  for (const folder of folders) {
    byName.set(folder.folder, folder);
    for (const file of folder.files) {
      if (file.packageName !== undefined) byName.set(file.packageName, folder);
    }
  }
  const ordered = new Map<WorkspaceFolder, OrderedFolder>();
  const open = new Set<WorkspaceFolder>();
  const visit = (folder: WorkspaceFolder): readonly string[] => {
    const known = ordered.get(folder);
    if (known !== undefined) return [known.folder, ...known.after];
    if (open.has(folder)) return [];
    open.add(folder);
    const after = new Set<string>();
    for (const name of folder.files.flatMap((file) => file.imports)) {
      const imported = byName.get(name) ??
        (name.startsWith(".") ? byName.get(joinPath(folder.folder, name)) : undefined);
      if (imported === undefined || imported === folder) continue;
      for (const each of visit(imported)) after.add(each);
    }
    after.delete(folder.folder);
    ordered.set(folder, { ...folder, after: [...after] });
    return [folder.folder, ...after];
  };
  for (const folder of folders) visit(folder);
  return [...ordered.values()];
}

/**
 * Returns the display name of a folder: the name of its package, or else its own name. A root
 * without a package name has none.
 */
export function folderName({ folder, isRoot, files }: WorkspaceFolder): string | undefined {
  const name = files.map((file) => file.packageName).find((each) => each !== undefined);
  return name ?? (isRoot ? undefined : baseName(folder));
}
