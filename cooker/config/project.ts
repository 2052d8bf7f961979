/**
 * Finds and reads the config files of a project: its root, its workspace members and its project
 * name. The files are read for each run, so that the next run sees every edit.
 *
 * Reading a file takes microseconds, and parsing takes longer. A file is therefore parsed again
 * only if its text has changed. Timestamps are not trusted for that.
 *
 * @module
 */

import { projectError, type WireError } from "../../wire/errors.ts";
import {
  baseName,
  fileKind,
  isSystemError,
  joinPath,
  parentFolder,
  pathInside,
} from "../../system/files/files.ts";
import type { NpmBins } from "../execute/node_modules.ts";
import type { ConfigText } from "./jsonc.ts";
import { TaskScope } from "./scope.ts";
import type { SourceImports } from "./source_imports.ts";
import { memberFolders, type MemberPattern } from "./members.ts";
import { readPnpmWorkspace } from "./pnpm_workspace.ts";
import { Workspace } from "./workspace.ts";
import { readConfigText } from "../../project/config_text.ts";
import { PNPM_WORKSPACE } from "../../project/root.ts";
import { expandBraces } from "../../project/stars.ts";
import { readDenoConfig, readPackageJson, type TaskFile } from "./tasks.ts";

const DENO_CONFIGS: readonly string[] = ["deno.json", "deno.jsonc"];
const PACKAGE_JSON = "package.json";

/** The location of a project. */
interface ProjectPlace {
  /** The project's root folder, absolute, with symbolic links resolved. */
  readonly root: string;
  /**
   * The config file that the client named, absolute. If absent, config files are looked up in
   * folders.
   */
  readonly config?: string;
}

type ReadFile = (source: ConfigText, folder: string) => TaskFile;

/** Reads the config of one project, and caches the parsed files. */
export class ProjectConfig {
  readonly #place: ProjectPlace;
  readonly #sources: SourceImports | undefined;
  readonly #consulted = new Set<string>();
  #memberPatterns: readonly string[] = [];
  #entries:
    | {
      readonly entries: readonly string[];
      readonly size: number;
      readonly patterns: readonly string[];
    }
    | undefined;
  #pnpmParsed: { readonly text: string; readonly members: readonly MemberPattern[] } | undefined;
  readonly #parsed = new Map<string, { readonly text: string; readonly tasks: TaskFile }>();

  /** @param sources searches the sources of Deno's members; if absent, only declared imports count */
  constructor(place: ProjectPlace, sources?: SourceImports) {
    this.#place = place;
    this.#sources = sources;
  }

  /**
   * Patterns, relative to the root, for all files that the config depends on: the files that were
   * read or looked for, and the config files that a new workspace member would have. The list is the
   * same object until it changes.
   */
  get entries(): readonly string[] {
    const { root } = this.#place;
    const { size } = this.#consulted;
    if (this.#entries?.size !== size || this.#entries.patterns !== this.#memberPatterns) {
      const entries = [
        ...[...this.#consulted].map((path) => literalEntry(pathInside(root, path) ?? path)),
        ...this.#memberPatterns,
      ];
      this.#entries = { entries, size, patterns: this.#memberPatterns };
    }
    return this.#entries.entries;
  }

  /**
   * Returns a message if the project has no config file any more, so that no client can find it.
   * Files that cannot be accessed at the moment do not count as missing.
   */
  absence(): string | undefined {
    const { root, config } = this.#place;
    const names = [...DENO_CONFIGS, PACKAGE_JSON, PNPM_WORKSPACE]
      .map((name) => joinPath(root, name));
    const files = config === undefined ? names : [config];
    return files.every(isMissing) ? noConfig(this.#place).message : undefined;
  }

  /**
   * Returns the tasks that can be found from a folder: first those of the nearest folder with a
   * config, then those of the root.
   *
   * @param cwd absolute, with symbolic links resolved; outside the project, only the root's tasks
   *   are found
   * @throws {WireError} `projectError` of kind `invalid-config`, or `no-config` if the project has
   *   no config any more
   */
  scopeAt(cwd: string): TaskScope {
    const { root, config } = this.#place;
    const rootFiles = config === undefined ? this.#filesIn(root) : this.#filesOf(config);
    const rootScope = new TaskScope(rootFiles);
    const memberFiles = config === undefined ? this.#nearestFiles(cwd) : [];
    if (memberFiles.length > 0) return new TaskScope(memberFiles, rootScope);
    if (rootFiles.length > 0 || this.absence() === undefined) return rootScope;
    throw noConfig(this.#place);
  }

  /**
   * Returns the folders of the workspace in the order of `deno task`: the root, then its members
   * sorted by path. A project without members has only its root.
   *
   * @throws {WireError} `projectError` of kind `invalid-config`
   */
  workspace(): Workspace {
    const { root, config } = this.#place;
    const rootFiles = config === undefined ? this.#filesIn(root) : this.#filesOf(config);
    const rootScope = new TaskScope(rootFiles);
    const pnpm = this.#pnpm();
    const patterns = [...rootFiles.flatMap((file) => file.members), ...pnpm];
    const newMembers = patterns.flatMap(({ text }) => expandBraces(text))
      .filter((each) => !each.startsWith("!"))
      .flatMap((each) => [...DENO_CONFIGS, PACKAGE_JSON].map((name) => `${each}/${name}`));
    if (newMembers.join("\n") !== this.#memberPatterns.join("\n")) {
      this.#memberPatterns = newMembers;
    }
    const filesOf = new Map<string, readonly TaskFile[]>();
    const members = memberFolders(root, patterns, (folder) => {
      const files = this.#filesIn(folder);
      filesOf.set(folder, files);
      return files.length > 0;
    }).sort((a, b) => `${a}/` < `${b}/` ? -1 : 1);
    return new Workspace([
      { folder: root, isRoot: true, files: rootFiles, scope: rootScope },
      ...members.map((folder) => {
        const files = filesOf.get(folder) ?? [];
        return { folder, isRoot: false, files, scope: new TaskScope(files, rootScope) };
      }),
    ], {
      sources: this.#sources,
      // pnpm alone accepts packages of one name.
      mayShareNames: pnpm.length > 0,
    });
  }

  /**
   * Returns the name of the project, from its `deno.json` or else from its `package.json`.
   *
   * @returns `undefined` if neither has one
   * @throws {WireError} `projectError` of kind `invalid-config`
   */
  name(): string | undefined {
    const { root, config } = this.#place;
    const files = config === undefined ? this.#filesIn(root) : this.#filesOf(config);
    return files.find(({ packageName }) => packageName !== undefined)?.packageName;
  }

  /**
   * Determines which `node_modules/.bin` folders `deno task` puts on a task's PATH.
   *
   * @returns `undefined` if only `deno task` can tell, because it may install packages first
   * @throws {WireError} `projectError` of kind `invalid-config`
   */
  npmBins(): NpmBins | undefined {
    const { root, config } = this.#place;
    const files = config === undefined ? this.#filesIn(root) : this.#filesOf(config);
    const modules = files.find(({ source }) => source === "deno.json")?.nodeModulesDir;
    if (modules !== undefined) {
      return modules === "other" ? undefined : modules === "none" ? "none" : "above";
    }
    if (files.some(({ source }) => source === "package.json")) return "above";
    const isUsual = config === undefined || DENO_CONFIGS.includes(baseName(config));
    return isUsual ? "none" : undefined;
  }

  /** Returns the config files of the nearest folder below the root that has any. */
  #nearestFiles(cwd: string): TaskFile[] {
    const { root } = this.#place;
    for (let folder = cwd; folder !== root; folder = parentFolder(folder)) {
      if (pathInside(root, folder) === undefined) return [];
      const files = this.#filesIn(folder);
      if (files.length > 0) return files;
    }
    return [];
  }

  #filesIn(folder: string): TaskFile[] {
    const deno = DENO_CONFIGS.map((name) => this.#read(joinPath(folder, name), readDenoConfig))
      .find((tasks) => tasks !== undefined);
    const scripts = this.#read(joinPath(folder, PACKAGE_JSON), readPackageJson);
    return [deno, scripts].filter((tasks) => tasks !== undefined);
  }

  /**
   * Reads the config file that the client named. If it has one of the usual names, the scripts of
   * the `package.json` in the same folder are included.
   */
  #filesOf(config: string): TaskFile[] {
    const tasks = this.#read(config, readDenoConfig);
    if (tasks === undefined) return [];
    if (!DENO_CONFIGS.includes(baseName(config))) return [tasks];
    const scripts = this.#read(joinPath(parentFolder(config), PACKAGE_JSON), readPackageJson);
    return scripts === undefined ? [tasks] : [tasks, scripts];
  }

  /** Returns the members that a `pnpm-workspace.yaml` lists. */
  #pnpm(): readonly MemberPattern[] {
    const { root, config } = this.#place;
    if (config !== undefined) return [];
    const file = joinPath(root, PNPM_WORKSPACE);
    this.#consulted.add(file);
    const text = readConfigText(file, { folder: true });
    if (text === undefined) return [];
    if (this.#pnpmParsed?.text === text) return this.#pnpmParsed.members;
    const members = readPnpmWorkspace({ file, text });
    this.#pnpmParsed = { text, members };
    return members;
  }

  #read(file: string, parse: ReadFile): TaskFile | undefined {
    this.#consulted.add(file);
    const text = readConfigText(file, { folder: file !== this.#place.config });
    if (text === undefined) {
      this.#parsed.delete(file);
      return undefined;
    }
    const known = this.#parsed.get(file);
    if (known?.text === text) return known.tasks;
    const tasks = parse({ file, text }, parentFolder(file));
    this.#parsed.set(file, { text, tasks });
    return tasks;
  }
}

function isMissing(path: string): boolean {
  try {
    return fileKind(path) === undefined;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return false;
  }
}

function noConfig({ root, config }: ProjectPlace): WireError {
  return config === undefined
    ? projectError(`No config: ${root} no longer has a deno.json, deno.jsonc or package.json`, {
      kind: "no-config",
      file: root,
    })
    : projectError(`No config: ${config} no longer exists`, {
      kind: "no-config",
      file: config,
    });
}

/**
 * Makes a pattern that matches at least this path. A `?` replaces each `*`, because patterns have
 * no escape for `*`.
 */
function literalEntry(path: string): string {
  return path.replaceAll("*", "?");
}
