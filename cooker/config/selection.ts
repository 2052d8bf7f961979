/**
 * Selects the folders of a workspace that a run is about.
 *
 * @module
 */

import { baseName, joinPath } from "../../system/files/files.ts";
import { WireError } from "../../wire/errors.ts";
import { excerpt } from "../../wire/near_names.ts";
import {
  FILTER_FORMS,
  type PackageFilter,
  parsePackageFilter,
} from "../../project/package_filter.ts";
import { matchStars } from "../../project/stars.ts";
import { PathPatterns } from "../inputs/patterns.ts";
import type { Workspace, WorkspaceFolder } from "./workspace.ts";

/** The client's selection of workspace folders. */
export interface FolderSelection {
  /** Selects all folders. */
  readonly recursive: boolean;
  /** Selects all folders except the root. */
  readonly members: boolean;
  /** Select folders by names, paths, changes and imports. A selection without any has none. */
  readonly filter?: string | readonly string[] | undefined;
  /** The client's folder, absolute. Paths in filters are relative to it. Default: the root. */
  readonly cwd?: string | undefined;
  /** The changed files by the git revisions that filters name, absolute. */
  readonly changes?: Readonly<Record<string, readonly string[]>> | undefined;
}

/** The selected folders. */
export interface SelectedFolders {
  /** In the order of the workspace. */
  readonly folders: readonly WorkspaceFolder[];
  /** True if filters have selected them. */
  readonly isByFilter: boolean;
  /** Filters that match no package, as typed. */
  readonly unmatched: readonly string[];
  /** True if none may be selected, because nothing has changed. */
  readonly mayBeEmpty: boolean;
}

/** Returns true if the options select workspace folders. Otherwise, a run is about one folder. */
export function isWorkspaceRun({ recursive, members, filter = [] }: FolderSelection): boolean {
  return recursive || members || filter.length > 0;
}

/**
 * Returns the folders that a selection means. Of several filters, each adds folders, and those with
 * `!` leave some out. If all of them leave out, they do so from all members.
 *
 * @throws {WireError} `invalidParams` if a filter has a wrong form
 */
export function selectFolders(workspace: Workspace, selection: FolderSelection): SelectedFolders {
  const { recursive, members, filter = [] } = selection;
  const texts = typeof filter === "string" ? [filter] : filter;
  if (texts.length === 0) {
    const folders = workspace.folders.filter(({ isRoot }) => recursive || !members || !isRoot);
    return { folders, isByFilter: false, unmatched: [], mayBeEmpty: false };
  }
  const filters = texts.map((text) => ({ text, ...parsed(text) }));
  const selector = new Selector(workspace, selection);
  const included = new Set<WorkspaceFolder>();
  const excluded = new Set<WorkspaceFolder>();
  const unmatched: string[] = [];
  for (const each of filters) {
    const { isMatched, selected } = selector.select(each);
    if (!isMatched) unmatched.push(each.text);
    for (const folder of selected) (each.isExclusion ? excluded : included).add(folder);
  }
  const isReduced = filters.every(({ isExclusion }) => isExclusion);
  return {
    folders: workspace.folders.filter((each) =>
      (isReduced ? !each.isRoot : included.has(each)) && !excluded.has(each)
    ),
    isByFilter: true,
    unmatched,
    mayBeEmpty: unmatched.length === 0 && filters.some(({ since }) => since !== undefined),
  };
}

function parsed(text: string): PackageFilter {
  const filter = parsePackageFilter(text);
  if (filter !== undefined) return filter;
  throw new WireError("invalidParams", `invalid filter '${excerpt(text)}': ${FILTER_FORMS}`);
}

class Selector {
  readonly #workspace: Workspace;
  readonly #selection: FolderSelection;
  #importers: ReadonlyMap<WorkspaceFolder, readonly WorkspaceFolder[]> | undefined;

  constructor(workspace: Workspace, selection: FolderSelection) {
    this.#workspace = workspace;
    this.#selection = selection;
  }

  /** Returns the folders that a filter means, and true if its name and folder match any. */
  select(filter: PackageFilter): {
    readonly isMatched: boolean;
    readonly selected: ReadonlySet<WorkspaceFolder>;
  } {
    const matched = this.#matched(filter);
    const changed = this.#changed(matched, filter);
    return { isMatched: matched.length > 0, selected: this.#walk(changed, filter) };
  }

  #matched({ part, name, folder }: PackageFilter): readonly WorkspaceFolder[] {
    if (part !== undefined) return this.#containing(part);
    let found: readonly WorkspaceFolder[] = this.#workspace.folders;
    // The root is only selected by its own name or folder.
    if (folder === undefined && name === undefined) found = found.filter(({ isRoot }) => !isRoot);
    if (folder !== undefined) found = this.#at(folder, found);
    return name === undefined ? found : this.#named(name, found);
  }

  /** As in `deno task`: a part of the package's name, or of a member's folder. */
  #containing(part: string): WorkspaceFolder[] {
    const pattern = `*${part}*`;
    return this.#workspace.folders.filter(({ folder, isRoot, files }) => {
      const names = files.flatMap((file) => file.packageName ?? []);
      return [...names, ...(isRoot ? [] : [baseName(folder)])].some((each) =>
        matchStars(pattern, each) !== undefined
      );
    });
  }

  /** As for pnpm: a name without its scope matches if that of only one package ends with it. */
  #named(name: string, among: readonly WorkspaceFolder[]): WorkspaceFolder[] {
    const named = new Set(
      this.#workspace.named(name).filter(({ isRoot }) => !isRoot || !name.includes("*")),
    );
    const found = among.filter((each) => named.has(each));
    if (found.length > 0 || /[@/]/.test(name)) return found;
    const scoped = new Set(this.#workspace.named(`@*/${name}`));
    const only = among.filter((each) => scoped.has(each));
    return only.length === 1 ? only : [];
  }

  #at(path: string, among: readonly WorkspaceFolder[]): WorkspaceFolder[] {
    const { cwd = this.#workspace.root } = this.#selection;
    const whole = joinPath(cwd, path);
    if (!/[*?]/.test(whole)) return among.filter(({ folder }) => folder === whole);
    const patterns = PathPatterns.parse("/", [whole]);
    return among.filter(({ folder, isRoot }) => !isRoot && patterns?.matches(folder) === true);
  }

  #changed(
    folders: readonly WorkspaceFolder[],
    { since, isSinceAnyImport }: PackageFilter,
  ): readonly WorkspaceFolder[] {
    if (since === undefined) return folders;
    const files = this.#selection.changes?.[since];
    if (files === undefined) {
      throw new WireError("invalidParams", `the changes since '${excerpt(since)}' are missing`);
    }
    const changed = new Set(files.map((file) => this.#workspace.ownerOf(file)));
    const { imports } = this.#workspace;
    return folders.filter((each) =>
      changed.has(each) ||
      (isSinceAnyImport && imports.all(each).some((imported) => changed.has(imported)))
    );
  }

  #walk(
    start: readonly WorkspaceFolder[],
    { withImports, withImporters, withoutSelf }: PackageFilter,
  ): Set<WorkspaceFolder> {
    const selected = new Set(withoutSelf ? [] : start);
    const importers = withImporters
      ? reached(start, (each) => this.#importersOf(each).filter(({ isRoot }) => !isRoot))
      : [];
    for (const each of importers) selected.add(each);
    if (withImports) {
      const from = withImporters ? [...(withoutSelf ? [] : start), ...importers] : start;
      const imports = reached(from, (each) => this.#workspace.imports.of(each));
      for (const each of imports) selected.add(each);
    }
    return selected;
  }

  #importersOf(folder: WorkspaceFolder): readonly WorkspaceFolder[] {
    this.#importers ??= this.#allImporters();
    return this.#importers.get(folder) ?? [];
  }

  #allImporters(): Map<WorkspaceFolder, WorkspaceFolder[]> {
    const importers = new Map<WorkspaceFolder, WorkspaceFolder[]>();
    for (const folder of this.#workspace.folders) {
      for (const imported of this.#workspace.imports.of(folder)) {
        const known = importers.get(imported);
        if (known === undefined) importers.set(imported, [folder]);
        else known.push(folder);
      }
    }
    return importers;
  }
}

/** Returns everything that is reached from nodes by at least one edge. */
function reached<T>(start: readonly T[], next: (node: T) => readonly T[]): Set<T> {
  const found = new Set(start.flatMap(next));
  // A set iterates over the nodes that are added on the way.
  for (const node of found) for (const each of next(node)) found.add(each);
  return found;
}
