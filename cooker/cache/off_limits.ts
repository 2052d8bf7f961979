/**
 * Protected paths, which are never restored whatever the record and a task's `output` say: the
 * repository's own `.git`, simmer's state, and the config files that define tasks. Otherwise, a
 * program that can write to the cache could have its own commands run.
 *
 * @module
 */

import { pnpmPatterns } from "../config/pnpm_workspace.ts";
import {
  DENO_CONFIG_NAMES,
  isExactMember,
  PNPM_WORKSPACE,
  workspacePatterns,
} from "../../project/root.ts";
import {
  baseName,
  fileKind,
  joinPath,
  parentFolder,
  pathInside,
  readTextIfPresent,
  realPath,
} from "../../system/files/files.ts";
import type { FilePatterns } from "../inputs/file_patterns.ts";
import { PathPatterns } from "../inputs/patterns.ts";
import type { Place } from "../store/confine.ts";
import type { OutputEntry } from "../store/result.ts";

/** Location of a project. */
interface ProjectPlace {
  /** The project's root folder, absolute, with links resolved. */
  readonly root: string;
  /** The config file that the user named, absolute. */
  readonly config?: string;
}

const CONFIG_NAMES: ReadonlySet<string> = new Set([
  ...DENO_CONFIG_NAMES,
  "package.json",
  PNPM_WORKSPACE,
]);

/** Characters that some file systems ignore in names. */
const IGNORABLE = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;

/**
 * Facts about the workspace, cached so that they are not read again for each path. All paths are
 * folded.
 */
interface Known {
  readonly patterns: PathPatterns | undefined;
  /** Members that are named without wildcards, as written and with links resolved. */
  readonly members: ReadonlySet<string>;
  /** Task folders by their original paths. */
  readonly folders: Map<string, TaskFolder>;
}

interface TaskFolder {
  readonly path: string;
  /** The path with links resolved. */
  readonly real: string;
  /** Folders that the folder's `.git` leads to. In a worktree, `.git` is a file or a link. */
  readonly git: readonly string[];
}

/** Checks whether paths of a project are off limits. */
export class OffLimits {
  readonly #project: ProjectPlace;
  #known: Known | undefined;

  constructor(project: ProjectPlace) {
    this.#project = project;
  }

  /** Has the workspace's config read again. */
  refresh(): void {
    this.#known = undefined;
  }

  /**
   * Returns the reason why a place may not be written, phrased as the end of a sentence that begins
   * with the place. Returns `undefined` if it may be written. Names are compared as on file systems
   * that ignore case.
   *
   * @param folder the folder that the task runs in, absolute
   */
  reason({ path, real }: Place, folder: string): string | undefined {
    const task = this.#folder(folder);
    for (const each of new Set([fold(path), fold(real)])) {
      const what = isState(each, task)
        ? "simmer's own state"
        : this.#isRepository(each, task)
        ? "the repository's own .git"
        : this.#isConfig(each, task)
        ? "a config file of the project"
        : undefined;
      if (what !== undefined) return `is never restored: it is ${what}; remove it from "output"`;
    }
    return undefined;
  }

  /**
   * Returns true if a path is in or at the `.git` of the project, a member or the task's folder.
   */
  #isRepository(path: string, task: TaskFolder): boolean {
    const parts = path.split("/");
    const isInGit = parts.some((part, at) =>
      part === ".git" && this.#isOwn(parts.slice(0, at).join("/") || "/", task)
    );
    return isInGit || [this.#folder(this.#project.root), task]
      .flatMap(({ git }) => git)
      .some((git) => pathInside(git, path) !== undefined);
  }

  #isConfig(path: string, task: TaskFolder): boolean {
    const { config } = this.#project;
    if (config !== undefined && path === fold(config)) return true;
    return CONFIG_NAMES.has(baseName(path)) && this.#isOwn(parentFolder(path), task);
  }

  /** Returns true if a folder is the project's root, a member, or the one that the task runs in. */
  #isOwn(path: string, task: TaskFolder): boolean {
    if ([fold(this.#project.root), task.path, task.real].includes(path)) return true;
    const { patterns, members } = this.#workspace();
    return patterns?.matches(path) === true || members.has(path);
  }

  #workspace(): Known {
    return this.#known ??= readWorkspace(this.#project.root);
  }

  #folder(path: string): TaskFolder {
    const { folders } = this.#workspace();
    const known = folders.get(path) ?? {
      path: fold(path),
      real: fold(realIfPresent(path) ?? path),
      git: gitTargets(path),
    };
    folders.set(path, known);
    return known;
  }
}

/** Normalizes a path for comparison on file systems that ignore case and some characters. */
function fold(path: string): string {
  return path.normalize("NFC").replace(IGNORABLE, "").toLowerCase();
}

/** Returns true if a path is in any `.simmer` below the task's folder. */
function isState(path: string, task: TaskFolder): boolean {
  const inside = pathInside(task.path, path) ?? pathInside(task.real, path) ?? path;
  return inside.split("/").includes(".simmer");
}

/**
 * Reads the workspace's members. A member that does not exist counts too: restoring a config file
 * there would make the folder a member, which decides what runs.
 */
function readWorkspace(root: string): Known {
  const written = [...workspacePatterns(root), ...pnpmPatterns(root)];
  const named = written.filter((each) => !each.startsWith("!") && isExactMember(each))
    .map((each) => joinPath(root, each));
  const members = new Set(named.flatMap((each) => [each, realIfPresent(each) ?? each]).map(fold));
  const globs = written.filter((each) => each.startsWith("!") || !isExactMember(each));
  const patterns = PathPatterns.parse(fold(root), globs.map(fold));
  return { patterns, members, folders: new Map() };
}

/**
 * Returns the folders that a folder's `.git` leads to, folded. They include the folder that all
 * worktrees share, because it holds the hooks.
 */
function gitTargets(folder: string): string[] {
  const git = joinPath(folder, ".git");
  const target = fileKind(git) === "file"
    ? /^gitdir: *(.+)$/m.exec(readTextIfPresent(git) ?? "")?.[1]
    : realIfPresent(git);
  if (target === undefined) return [];
  const own = joinPath(folder, target);
  const shared = readTextIfPresent(joinPath(own, "commondir"))?.trim() || ".";
  return [own, joinPath(own, shared)].map(fold);
}

function realIfPresent(path: string): string | undefined {
  return fileKind(path) === undefined ? undefined : realPath(path);
}

/**
 * Returns true if the search for a task's outputs would find a path if it existed: the patterns
 * match it, and the search skips no folder on the way. A folder counts if it can hold an output.
 *
 * @param path absolute
 */
export function isMeant(patterns: FilePatterns, path: string, kind: OutputEntry["kind"]): boolean {
  if (kind === "folder" ? !canHold(patterns, path) : !patterns.matches(path)) return false;
  return patterns.bases.some((base) => {
    const inside = pathInside(base, path);
    if (inside === undefined) return kind === "folder" && pathInside(path, base) !== undefined;
    const parts = inside.split("/");
    const folders = kind === "folder" ? parts : parts.slice(0, -1);
    return folders.every((_, at) => {
      const folder = joinPath(base, ...parts.slice(0, at + 1));
      return !patterns.passesOver(folder) && patterns.reachesInto(folder);
    });
  });
}

/**
 * Returns true if a folder can hold outputs: the patterns match it, or it leads to a folder that
 * they match.
 */
function canHold(patterns: FilePatterns, folder: string): boolean {
  return patterns.reachesInto(folder) ||
    patterns.bases.some((base) => pathInside(folder, base) !== undefined);
}
