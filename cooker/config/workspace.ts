/**
 * The folders of a workspace, their names and their imports.
 *
 * @module
 */

import { baseName, parentFolder, pathInside } from "../../system/files/files.ts";
import { projectError } from "../../wire/errors.ts";
import { excerpt } from "../../wire/near_names.ts";
import { matchStars } from "../../project/stars.ts";
import { WorkspaceImports } from "./imports.ts";
import type { TaskScope } from "./scope.ts";
import type { SourceImports } from "./source_imports.ts";
import type { TaskDefinition, TaskFile } from "./tasks.ts";

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

/** The name of the root's package on the command line, as in Turborepo. */
const ROOT_NAME = "//";

/** Separates the package from the task in a task's full name. */
const SEPARATOR = "#";

/** A full name that was typed or written: `package#task`. Both parts may have wildcards. */
export interface FullName {
  readonly package: string;
  readonly task: string;
}

/** Parses a full name. Returns `undefined` for the name of a task without its package. */
export function parseFullName(text: string): FullName | undefined {
  const at = text.indexOf(SEPARATOR);
  return at <= 0 ? undefined : { package: text.slice(0, at), task: text.slice(at + 1) };
}

/** The folders of a project, and the names of their packages. A project may have only a root. */
export class Workspace {
  /** The root, then the members sorted by path. */
  readonly folders: readonly WorkspaceFolder[];
  readonly imports: WorkspaceImports;
  readonly #names = new Map<string, string>();
  #byPath: ReadonlyMap<string, WorkspaceFolder> | undefined;
  readonly #others = new Map<string, WorkspaceFolder | undefined>();
  readonly #read: (folder: string) => WorkspaceFolder | undefined;

  /**
   * @param folders the root, then the members sorted by path
   * @param options `sources`: as in {@linkcode WorkspaceImports}. `read`: returns a folder with tasks
   *   that is no member, which a path can name
   * @throws {WireError} `projectError` of kind `invalid-config` if two packages have one name,
   *   unless `mayShareNames` is true
   */
  constructor(
    folders: readonly WorkspaceFolder[],
    { sources, mayShareNames = false, read = () => undefined }: {
      readonly sources?: SourceImports | undefined;
      readonly mayShareNames?: boolean;
      readonly read?: (folder: string) => WorkspaceFolder | undefined;
    } = {},
  ) {
    this.folders = folders;
    this.#read = read;
    this.imports = new WorkspaceImports(folders, sources);
    const [root, ...members] = folders;
    // The number of packages that a config names so, and of all that would be called so.
    const given = countsOf(members.flatMap((member) => packageName(member) ?? []));
    const taken = countsOf(members.map(shortName));
    for (const member of members) {
      const short = shortName(member);
      const isUnique = (packageName(member) === undefined ? taken : given).get(short) === 1;
      const path = pathInside(root?.folder ?? "/", member.folder) ?? member.folder;
      this.#names.set(member.folder, isUnique ? short : path);
    }
    if (!mayShareNames) requireUniqueNames(folders);
    const own = root === undefined ? undefined : packageName(root);
    if (root !== undefined && own !== undefined && !taken.has(own)) {
      this.#names.set(root.folder, own);
    }
  }

  /** The root's folder, absolute. */
  get root(): string {
    return this.folders[0]?.folder ?? "/";
  }

  /** True if the project is no workspace: tasks then have no package in their names. */
  get isSingle(): boolean {
    return this.folders.length < 2;
  }

  /**
   * True if npm, pnpm, yarn or Bun manages the packages. As for them, a run over packages then runs
   * only tasks that the packages themselves define.
   */
  get isOfPackages(): boolean {
    return this.folders[0]?.files.every(({ source }) => source !== "deno.json") ?? false;
  }

  /**
   * Returns the name of a folder's package. A member whose config has no name is called by its
   * folder. If several members would have one name, each is called by its path.
   *
   * @returns `undefined` for a root without a name, and in a project that is no workspace
   */
  packageAt(folder: string): string | undefined {
    if (this.isSingle) return undefined;
    const name = this.#names.get(folder);
    if (name !== undefined || folder === this.root) return name;
    // A folder with tasks that is not listed as a member.
    return pathInside(this.root, folder) ?? folder;
  }

  /** Returns the full name of a task, by which events, messages and commands call it. */
  taskName({ name, origin }: TaskDefinition): string {
    const owner = this.packageAt(origin.folder);
    return owner === undefined ? name : `${owner}${SEPARATOR}${name}`;
  }

  /** Returns the workspace's folder at a path. */
  at(folder: string): WorkspaceFolder | undefined {
    this.#byPath ??= new Map(this.folders.map((each) => [each.folder, each]));
    return this.#byPath.get(folder);
  }

  /** Returns the folder that a file belongs to: the innermost one. */
  ownerOf(file: string): WorkspaceFolder | undefined {
    for (let folder = parentFolder(file);; folder = parentFolder(folder)) {
      const found = this.at(folder);
      if (found !== undefined || folder === "/") return found;
    }
  }

  /** Returns the folder at a path, also one that is no member. */
  find(folder: string): WorkspaceFolder | undefined {
    const member = this.at(folder);
    if (member !== undefined) return member;
    if (!this.#others.has(folder)) this.#others.set(folder, this.#read(folder));
    return this.#others.get(folder);
  }

  /** Returns the folders whose packages a name means. It may have wildcards. */
  named(name: string): WorkspaceFolder[] {
    return this.folders.filter(({ folder, isRoot, files }) => {
      if (isRoot && name === ROOT_NAME) return true;
      const called = this.#names.get(folder);
      const names = [
        ...(called === undefined ? [] : [called]),
        ...(isRoot ? [] : packageNames(files)),
      ];
      return names.some((each) => matchStars(name, each) !== undefined);
    });
  }
}

/** @throws {WireError} `projectError` of kind `invalid-config` if two packages have one name */
function requireUniqueNames(folders: readonly WorkspaceFolder[]): void {
  const owners = new Map<string, TaskFile>();
  // As for npm, the root may have a member's name. It has none in the workspace then.
  for (const { files } of folders.slice(1)) {
    for (const file of files) {
      const { packageName: name, namePlace } = file;
      if (name === undefined || namePlace === undefined) continue;
      const owner = owners.get(name);
      if (owner !== undefined && owner.folder !== file.folder) {
        const { line, column } = namePlace;
        throw projectError(
          `Invalid config: ${file.file}:${line}:${column}: the package name "${
            excerpt(name)
          }" is also that of ${owner.file}. Packages of a workspace need different names`,
          { kind: "invalid-config", file: file.file, line, column },
        );
      }
      owners.set(name, file);
    }
  }
}

function countsOf(names: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

/** Returns the name of a package, or else of its folder. */
function shortName(member: WorkspaceFolder): string {
  return packageName(member) ?? baseName(member.folder);
}

/** Returns the name that a folder's config gives to its package. */
function packageName({ files }: WorkspaceFolder): string | undefined {
  return packageNames(files)[0];
}

/** Returns all names of a package: a `deno.json` and a `package.json` may have different ones. */
function packageNames(files: readonly TaskFile[]): string[] {
  return files.flatMap((file) => file.packageName ?? []);
}
