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
import { Workspace, type WorkspaceFolder } from "./workspace.ts";
import { readConfigText } from "../../project/config_text.ts";
import { PNPM_WORKSPACE } from "../../project/root.ts";
import { expandBraces } from "../../project/stars.ts";
import type { PackageFacts } from "./package_facts.ts";
import type { ScriptWay } from "./settings.ts";
import { readDenoConfig, readPackageJson, type TaskFile } from "./tasks.ts";
import { withScripts } from "./script_declarations.ts";
import { readTurboConfig, TURBO_CONFIGS, type TurboConfig } from "./turbo_config.ts";
import { TurboLayer, type TurboProject } from "./turbo_layer.ts";
import { TurboPackages } from "./turbo_packages.ts";

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

/** A parsed config file, with its text. */
interface Parsed {
  readonly text: string;
  readonly config: unknown;
}

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
  readonly #parsed = new Map<string, Parsed>();
  readonly #turbo = new TurboLayer();
  /** The composed config files of folders, by those that they are made of. */
  readonly #composed = new WeakMap<TaskFile, WeakMap<TaskFile, readonly TaskFile[]>>();
  /** Folders of the packages behind the root when the workspace was read last. */
  #rootDependencies: readonly string[] | undefined;
  readonly #notes = new Map<string, readonly string[]>();

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
   * Sentences about the files that were read last, each with file and line: what has no effect, and
   * what is declared twice.
   */
  get notes(): readonly string[] {
    return [...new Set([...this.#notes.values()].flat())];
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
    const { config } = this.#place;
    // Reading the workspace has brought this up to date.
    const turbo = this.#turboProject(this.#rootDependencies);
    const rootFiles = this.#rootFiles(turbo);
    const rootScope = new TaskScope(rootFiles);
    const memberFiles = config === undefined ? this.#nearestFiles(cwd, turbo) : [];
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
    const { root } = this.#place;
    const turbo = this.#turboProject();
    this.#rootDependencies = turbo?.rootDependencies;
    const rootFiles = this.#rootFiles(turbo);
    const rootScope = new TaskScope(rootFiles);
    const patterns = this.#patternsIn(rootFiles);
    const newMembers = patterns.flatMap(({ text }) => expandBraces(text))
      .filter((each) => !each.startsWith("!"))
      .flatMap((each) => [...DENO_CONFIGS, PACKAGE_JSON].map((name) => `${each}/${name}`));
    if (newMembers.join("\n") !== this.#memberPatterns.join("\n")) {
      this.#memberPatterns = newMembers;
    }
    const filesOf = new Map<string, readonly TaskFile[]>();
    const memberAt = (folder: string, files: readonly TaskFile[]): WorkspaceFolder => {
      return { folder, isRoot: false, files, scope: new TaskScope(files, rootScope) };
    };
    const members = memberFolders(root, patterns, (folder) => {
      const files = this.#filesIn(folder, turbo);
      filesOf.set(folder, files);
      return files.length > 0;
    }).sort((a, b) => `${a}/` < `${b}/` ? -1 : 1);
    return new Workspace([
      { folder: root, isRoot: true, files: rootFiles, scope: rootScope },
      ...members.map((folder) => memberAt(folder, filesOf.get(folder) ?? [])),
    ], {
      sources: this.#sources,
      // pnpm alone accepts packages of one name.
      mayShareNames: this.#pnpm().length > 0,
      read: (folder) => {
        const isInside = pathInside(root, folder) !== undefined;
        const files = isInside ? this.#filesIn(folder, turbo) : [];
        return files.length === 0 ? undefined : memberAt(folder, files);
      },
    });
  }

  /**
   * Returns the name of the project, from its `deno.json` or else from its `package.json`.
   *
   * @returns `undefined` if neither has one
   * @throws {WireError} `projectError` of kind `invalid-config`
   */
  name(): string | undefined {
    const files = this.#ownRootFiles();
    return files.find(({ packageName }) => packageName !== undefined)?.packageName;
  }

  /**
   * Determines which `node_modules/.bin` folders `deno task` puts on a task's PATH.
   *
   * @returns `undefined` if only `deno task` can tell, because it may install packages first
   * @throws {WireError} `projectError` of kind `invalid-config`
   */
  npmBins(): NpmBins | undefined {
    const { config } = this.#place;
    const files = this.#ownRootFiles();
    const modules = files.find(({ source }) => source === "deno.json")?.nodeModulesDir;
    if (modules !== undefined) {
      return modules === "other" ? undefined : modules === "none" ? "none" : "above";
    }
    if (files.some(({ source }) => source === "package.json")) return "above";
    const isUsual = config === undefined || DENO_CONFIGS.includes(baseName(config));
    return isUsual ? "none" : undefined;
  }

  /**
   * Returns how the scripts of a file run: as the client or else the `simmer` section of the file or
   * of the root says, as `deno task` does if the file's folder or the root has a `deno.json`, and
   * otherwise as `npm run` does.
   *
   * @throws {WireError} `projectError` of kind `invalid-config`
   */
  scriptWay({ scripts, folder }: TaskFile, asked: ScriptWay | undefined): ScriptWay {
    const { root } = this.#place;
    const rootFiles = this.#ownRootFiles();
    const named = asked ?? scripts ?? rootFiles.find((file) => file.scripts !== undefined)?.scripts;
    if (named !== undefined) return named;
    const files = [...rootFiles, ...(folder === root ? [] : this.#ownFilesIn(folder))];
    return files.some(({ source }) => source === "deno.json") ? "deno" : "npm";
  }

  /**
   * Returns the text of the root's `.npmrc`, and `undefined` if there is none.
   *
   * @throws {WireError} `projectError` of kind `invalid-config` if it cannot be read
   */
  npmrc(): string | undefined {
    const file = joinPath(this.#place.root, ".npmrc");
    this.#consulted.add(file);
    return readConfigText(file, { folder: true });
  }

  /**
   * Returns the package manager that the root's `package.json` names.
   *
   * @throws {WireError} `projectError` of kind `invalid-config`
   */
  packageManager(): PackageFacts["manager"] {
    const files = this.#ownFilesIn(this.#place.root);
    return files.find(({ facts }) => facts?.manager !== undefined)?.facts?.manager;
  }

  /** Returns the config files of the nearest folder below the root that has any. */
  #nearestFiles(cwd: string, turbo: TurboProject | undefined): readonly TaskFile[] {
    const { root } = this.#place;
    for (let folder = cwd; folder !== root; folder = parentFolder(folder)) {
      if (pathInside(root, folder) === undefined) return [];
      const files = this.#filesIn(folder, turbo);
      if (files.length > 0) return files;
    }
    return [];
  }

  /** Returns the config files of a folder, with what other tools' configs declare. */
  #filesIn(folder: string, turbo: TurboProject | undefined): readonly TaskFile[] {
    return this.#composedFiles(this.#ownFilesIn(folder), turbo);
  }

  /** Returns the root's config files, with what other tools' configs declare. */
  #rootFiles(turbo: TurboProject | undefined): readonly TaskFile[] {
    return this.#composedFiles(this.#ownRootFiles(), turbo);
  }

  /** Returns the root's config files as they are written. */
  #ownRootFiles(): readonly TaskFile[] {
    const { root, config } = this.#place;
    return config === undefined ? this.#ownFilesIn(root) : this.#filesOf(config);
  }

  /** Returns the config files of a folder as they are written. */
  #ownFilesIn(folder: string): readonly TaskFile[] {
    const deno = DENO_CONFIGS.map((name) => this.#read(joinPath(folder, name), readDenoConfig))
      .find((tasks) => tasks !== undefined);
    const scripts = this.#read(joinPath(folder, PACKAGE_JSON), readPackageJson);
    return [deno, scripts].filter((tasks) => tasks !== undefined);
  }

  /**
   * Reads the config file that the client named. If it has one of the usual names, the scripts of
   * the `package.json` in the same folder are included.
   */
  #filesOf(config: string): readonly TaskFile[] {
    const tasks = this.#read(config, readDenoConfig);
    if (tasks === undefined) return [];
    if (!DENO_CONFIGS.includes(baseName(config))) return [tasks];
    const scripts = this.#read(joinPath(parentFolder(config), PACKAGE_JSON), readPackageJson);
    return scripts === undefined ? [tasks] : [tasks, scripts];
  }

  #composedFiles(
    files: readonly TaskFile[],
    turbo: TurboProject | undefined,
  ): readonly TaskFile[] {
    const declared = turbo === undefined
      ? files
      : files.map((file) => file.source === "package.json" ? this.#turbo.apply(file, turbo) : file);
    const composed = this.#withScripts(declared);
    for (const { file, notes } of composed) this.#notes.set(file, notes);
    return composed;
  }

  /** Composes a `deno.json` and a `package.json`. Equal files give the same objects. */
  #withScripts(files: readonly TaskFile[]): readonly TaskFile[] {
    const [deno, scripts] = files;
    if (deno === undefined || scripts === undefined) return files;
    const known = this.#composed.get(deno) ?? new WeakMap<TaskFile, readonly TaskFile[]>();
    this.#composed.set(deno, known);
    const composed = known.get(scripts) ?? withScripts(deno, scripts);
    known.set(scripts, composed);
    return composed;
  }

  /**
   * Reads the root's `turbo.json`. Returns `undefined` if the project has none.
   *
   * @param rootDependencies folders of the packages behind the root, if they are known
   */
  #turboProject(rootDependencies?: readonly string[]): TurboProject | undefined {
    const { root } = this.#place;
    const config = this.#turboConfigIn(root);
    this.#notes.set(joinPath(root, "turbo.json"), config?.notes ?? []);
    if (config === undefined) return undefined;
    const rootFiles = this.#ownRootFiles();
    const patterns = this.#patternsIn(rootFiles);
    // Only few projects need their packages here.
    const packages = new TurboPackages(() =>
      memberFolders(root, patterns, (folder) => this.#ownFilesIn(folder).length > 0)
        .flatMap((folder) => this.#ownFilesIn(folder))
    );
    return {
      root,
      config,
      isSingle: patterns.length === 0,
      configIn: (folder) => this.#turboConfigIn(folder),
      packages,
      rootDependencies: patterns.length === 0 ? [] : rootDependencies ?? packages.behind(rootFiles),
    };
  }

  #turboConfigIn(folder: string): TurboConfig | undefined {
    const found = TURBO_CONFIGS.flatMap((name) => {
      const config = this.#read(joinPath(folder, name), readTurboConfig);
      return config === undefined ? [] : [config];
    });
    const [first, second] = found;
    if (second === undefined) return first;
    throw projectError(
      `Invalid config: ${folder} has both a turbo.json and a turbo.jsonc: delete one of them`,
      { kind: "invalid-config", file: second.file },
    );
  }

  /** Returns the patterns of the workspace's members. */
  #patternsIn(rootFiles: readonly TaskFile[]): readonly MemberPattern[] {
    return [...rootFiles.flatMap((file) => file.members), ...this.#pnpm()];
  }

  /** Returns the members that a `pnpm-workspace.yaml` lists. */
  #pnpm(): readonly MemberPattern[] {
    const { root, config } = this.#place;
    if (config !== undefined) return [];
    return this.#read(joinPath(root, PNPM_WORKSPACE), readPnpmWorkspace) ?? [];
  }

  #read<Config>(
    file: string,
    parse: (source: ConfigText, folder: string) => Config,
  ): Config | undefined {
    this.#consulted.add(file);
    const text = readConfigText(file, { folder: file !== this.#place.config });
    if (text === undefined) {
      this.#parsed.delete(file);
      this.#notes.delete(file);
      return undefined;
    }
    const known = this.#parsed.get(file);
    // A path is always parsed by the same function.
    if (known?.text === text) return known.config as Config;
    const config = parse({ file, text }, parentFolder(file));
    this.#parsed.set(file, { text, config });
    return config;
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
