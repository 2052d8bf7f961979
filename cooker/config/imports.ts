/**
 * The imports between the folders of a workspace. They order the tasks of a run over several
 * folders, and are what `^task` means in a dependency.
 *
 * @module
 */

import { joinPath, parentFolder, pathInside } from "../../system/files/files.ts";
import type { ImportedFolder } from "../inputs/importing_set.ts";
import type { SourceImports } from "./source_imports.ts";
import type { WorkspaceFolder } from "./workspace.ts";

/** Finds the folders that a folder imports. */
export class WorkspaceImports {
  readonly #folders: readonly WorkspaceFolder[];
  readonly #sources: SourceImports | undefined;
  readonly #direct = new Map<WorkspaceFolder, readonly WorkspaceFolder[]>();
  readonly #all = new Map<WorkspaceFolder, readonly WorkspaceFolder[]>();
  readonly #files = new Map<string, ImportedFolder>();
  readonly #filesBehind = new Map<WorkspaceFolder, readonly ImportedFolder[]>();
  #byName: ReadonlyMap<string, WorkspaceFolder> | undefined;

  /**
   * @param folders all folders of the workspace
   * @param sources searches the sources of Deno's members; if absent, only declared imports count
   */
  constructor(folders: readonly WorkspaceFolder[], sources?: SourceImports) {
    this.#folders = folders;
    this.#sources = sources;
  }

  /** Has the sources searched again if they have changed. Called before each use of the imports. */
  refresh(): void {
    if (this.#sources?.isCurrent !== false) return;
    this.#direct.clear();
    this.#all.clear();
    this.#filesBehind.clear();
  }

  /** Returns the folders that a folder imports directly, without itself. */
  of(folder: WorkspaceFolder): readonly WorkspaceFolder[] {
    const known = this.#direct.get(folder);
    if (known !== undefined) return known;
    this.#byName ??= foldersByName(this.#folders);
    const found = new Set<WorkspaceFolder>();
    const declared = folder.files.flatMap((file) => file.imports);
    for (const name of [...declared, ...this.#importedBySources(folder)]) {
      const imported = this.#byName.get(
        name.startsWith(".") ? joinPath(folder.folder, name) : name,
      ) ?? this.#around(name);
      if (imported !== undefined && imported !== folder) found.add(imported);
    }
    const direct = [...found];
    this.#direct.set(folder, direct);
    return direct;
  }

  /** Returns what the sources of a Deno member import. */
  #importedBySources(member: WorkspaceFolder): readonly string[] {
    const { folder, isRoot, files } = member;
    const isDeno = files.some(({ source }) => source === "deno.json");
    if (this.#sources === undefined || isRoot || !isDeno) return [];
    return this.#sources.of({ folder, nested: this.#nestedIn(folder) });
  }

  /** Returns the member that an absolute path is in. */
  #around(path: string): WorkspaceFolder | undefined {
    if (!path.startsWith("/")) return undefined;
    for (let folder = path; folder !== "/"; folder = parentFolder(folder)) {
      const found = this.#byName?.get(folder);
      if (found !== undefined) return found.isRoot ? undefined : found;
    }
    return undefined;
  }

  /**
   * Returns the nearest folders that a folder imports, directly or through others, and that
   * `matches` returns true for. The imports of such a folder are left out.
   */
  nearest(
    folder: WorkspaceFolder,
    matches: (folder: WorkspaceFolder) => boolean,
  ): WorkspaceFolder[] {
    const seen = new Set([folder]);
    const found: WorkspaceFolder[] = [];
    const open = [...this.of(folder)].reverse();
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (seen.has(next)) continue;
      seen.add(next);
      if (matches(next)) found.push(next);
      else open.push(...[...this.of(next)].reverse());
    }
    return found;
  }

  /** Returns all folders that a folder imports, directly or through others, without itself. */
  all(folder: WorkspaceFolder): readonly WorkspaceFolder[] {
    const known = this.#all.get(folder);
    if (known !== undefined) return known;
    const all = this.#reached(folder, new Set());
    this.#all.set(folder, all);
    return all;
  }

  /** Returns the folders that a folder imports, but not by way of some others. */
  #reached(folder: WorkspaceFolder, without: ReadonlySet<string>): WorkspaceFolder[] {
    const found = new Set([folder]);
    // A set iterates over the entries that are added on the way.
    for (const each of found) {
      for (const imported of this.of(each)) if (!without.has(imported.folder)) found.add(imported);
    }
    found.delete(folder);
    return [...found];
  }

  /**
   * Returns the files of all folders that a folder imports, directly or through others, sorted by
   * folder. Files in folders of other members, dot files and installed packages are not among them.
   *
   * @param without folders that are left out, with all that is only imported by way of them
   */
  filesBehind(
    folder: WorkspaceFolder,
    without: ReadonlySet<string>,
  ): readonly ImportedFolder[] {
    const known = without.size === 0 ? this.#filesBehind.get(folder) : undefined;
    if (known !== undefined) return known;
    const folders = without.size === 0 ? this.all(folder) : this.#reached(folder, without);
    const files = folders.map((each) => this.#filesOf(each))
      .sort((a, b) => a.folder < b.folder ? -1 : 1);
    if (without.size === 0) this.#filesBehind.set(folder, files);
    return files;
  }

  #filesOf({ folder }: WorkspaceFolder): ImportedFolder {
    const root = this.#folders[0]?.folder ?? "/";
    const known = this.#files.get(folder) ?? {
      folder,
      path: pathInside(root, folder) ?? folder,
      entries: ["**", ...this.#nestedIn(folder).map((each) => `!${each.replaceAll("*", "?")}`)],
    };
    this.#files.set(folder, known);
    return known;
  }

  #nestedIn(folder: string): string[] {
    return this.#folders.map((each) => each.folder)
      .filter((each) => each !== folder && pathInside(folder, each) !== undefined);
  }

  /**
   * Sorts folders so that each comes after those that it imports, directly or through others. In an
   * import cycle, the folder that comes first in the list comes last.
   */
  order(folders: readonly WorkspaceFolder[]): WorkspaceFolder[] {
    const selected = new Set(folders);
    const seen = new Set<WorkspaceFolder>();
    const ordered: WorkspaceFolder[] = [];
    for (const start of folders) {
      if (seen.has(start)) continue;
      seen.add(start);
      const path = [{ folder: start, imports: this.of(start), next: 0 }];
      for (let visit = path.at(-1); visit !== undefined; visit = path.at(-1)) {
        const imported = visit.imports[visit.next++];
        if (imported === undefined) {
          path.pop();
          if (selected.has(visit.folder)) ordered.push(visit.folder);
        } else if (!seen.has(imported)) {
          seen.add(imported);
          path.push({ folder: imported, imports: this.of(imported), next: 0 });
        }
      }
    }
    return ordered;
  }
}

/** Returns the folders by their paths and by the names of their packages. */
function foldersByName(folders: readonly WorkspaceFolder[]): Map<string, WorkspaceFolder> {
  const found = new Map<string, WorkspaceFolder>();
  for (const folder of folders) {
    found.set(folder.folder, folder);
    for (const { packageName } of folder.files) {
      if (packageName !== undefined) found.set(packageName, folder);
    }
  }
  return found;
}
