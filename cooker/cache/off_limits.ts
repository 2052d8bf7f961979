/**
 * Paths that no result is put at, whatever the record says and whatever a task's `output` means: the
 * repository's own `.git`, simmer's state, and the config files that say what tasks do. A program
 * that can write to the cache would otherwise have its own commands run.
 *
 * @module
 */

import { DENO_CONFIG_NAMES, workspacePatterns } from "../../project/root.ts";
import {
  baseName,
  fileKind,
  joinPath,
  parentFolder,
  pathInside,
  readTextIfPresent,
  realPath,
} from "../../system/files/files.ts";
import { PathPatterns } from "../inputs/patterns.ts";
import type { Place } from "../store/confine.ts";
import type { OutputEntry } from "../store/result.ts";

/** Where a project is. */
interface ProjectPlace {
  /** The project's root folder, absolute, with links resolved. */
  readonly root: string;
  /** The config file that was named, absolute. */
  readonly config?: string;
}

const CONFIG_NAMES: ReadonlySet<string> = new Set([...DENO_CONFIG_NAMES, "package.json"]);

/** Characters that some file systems leave out of names. */
const IGNORABLE = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;

/** What is known for a while, so that it is not looked for with each path; all paths folded. */
interface Known {
  readonly patterns: PathPatterns | undefined;
  /** Members that are named without wildcards, as they are written and without links. */
  readonly members: ReadonlySet<string>;
  /** By the folders that tasks run in. */
  readonly folders: Map<string, TaskFolder>;
}

interface TaskFolder {
  readonly path: string;
  /** Without links. */
  readonly real: string;
  /** Where `.git` of the folder leads, if it is a file or a link, as worktrees have it. */
  readonly git: readonly string[];
}

/** Knows which paths of a project are off limits. */
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
   * Says why nothing may be put at a place, as the end of a sentence that begins with the place;
   * `undefined` if it may. Names are compared as file systems that disregard case do it.
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
      if (what !== undefined) return `is never put back: it is ${what}; take it out of "output"`;
    }
    return undefined;
  }

  /** Whether a path is `.git`, or in it, of the project, of a member, or of the task's folder. */
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

  /** Whether a folder is the project's root, a member, or the one that the task runs in. */
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

/** A path as file systems may see it that disregard case, and some characters. */
function fold(path: string): string {
  return path.normalize("NFC").replace(IGNORABLE, "").toLowerCase();
}

/** Whether a path is in any `.simmer` below the task's folder. */
function isState(path: string, task: TaskFolder): boolean {
  const inside = pathInside(task.path, path) ?? pathInside(task.real, path) ?? path;
  return inside.split("/").includes(".simmer");
}

/**
 * A member counts whether it is there or not: a folder that becomes one with the file that is put
 * there has a say in what runs, too.
 */
function readWorkspace(root: string): Known {
  const written = workspacePatterns(root);
  const named = written.filter((each) => !/^!|[*?]/.test(each)).map((each) => joinPath(root, each));
  const members = new Set(named.flatMap((each) => [each, realIfPresent(each) ?? each]).map(fold));
  const globs = written.filter((each) => each.startsWith("!") || /[*?]/.test(each));
  const patterns = PathPatterns.parse(fold(root), globs.map(fold));
  return { patterns, members, folders: new Map() };
}

/** Folded. The hooks are in the folder that all worktrees share. */
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
 * Whether a task's outputs, as they are looked for, would include a path if it existed: patterns
 * mean it, and no folder that is passed over leads to it. A folder counts if it can hold an output.
 *
 * @param path absolute
 */
export function isMeant(patterns: PathPatterns, path: string, kind: OutputEntry["kind"]): boolean {
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

/** Whether outputs can be in a folder: it is meant, or leads to one that is. */
function canHold(patterns: PathPatterns, folder: string): boolean {
  return patterns.reachesInto(folder) ||
    patterns.bases.some((base) => pathInside(folder, base) !== undefined);
}
