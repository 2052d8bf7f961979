/**
 * Where a project begins: the folder whose server serves a working directory.
 *
 * It is on the path of every command, so that it reads no more than it must: config files are
 * looked into only where a folder above has one that speaks of a workspace.
 *
 * @module
 */

import {
  absolutePath,
  baseName,
  type FileKind,
  fileKind,
  isSystemError,
  joinPath,
  parentFolder,
  pathInside,
  realPath,
  systemReason,
  visibleKind,
} from "../system/files/files.ts";
import { projectError } from "../wire/errors.ts";
import { readConfigText, tooDeepAt, withoutComments } from "./config_text.ts";

/** The names of config files, the first that is there counts. */
export const DENO_CONFIG_NAMES = ["deno.json", "deno.jsonc"] as const;

/** A project, as its server is known by. */
export interface Project {
  /** The root folder, absolute and without links. */
  readonly root: string;
  /** The config file that was named (`--config`), absolute; absent: it is looked for. */
  readonly config?: string;
}

/**
 * Finds the project that a folder belongs to: the nearest folder upwards with a `deno.json`,
 * `deno.jsonc` or `package.json`; where that is a member of a workspace, the workspace's root.
 *
 * @param cwd absolute
 * @param config a config file that the user named, absolute or relative to `cwd`; it may be a link
 * @returns `undefined` where there is no config
 * @throws {WireError} `projectError` if the named config file is missing, or a folder may not be
 *   searched
 */
export function findProject(cwd: string, config?: string): Project | undefined {
  try {
    return searchProject(cwd, config);
  } catch (error) {
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
    const file = joinPath(cwd, config ?? ".");
    throw projectError(`Cannot find a project: ${file}: permission denied`, {
      kind: "no-config",
      file,
    });
  }
}

function searchProject(cwd: string, config: string | undefined): Project | undefined {
  if (config !== undefined) return projectOfConfig(joinPath(cwd, config));
  if (configKind(cwd) !== "folder") return undefined;
  const start = realFolder(cwd);
  const nearest = upwards(start).find(hasConfig);
  if (nearest === undefined) return undefined;
  const workspace = upwards(parentFolder(nearest))
    .find((folder) => nearest !== "/" && isWorkspaceOf(folder, nearest));
  return { root: workspace ?? nearest };
}

/**
 * As {@linkcode findProject}, for those who can't go on without one.
 *
 * @throws {WireError} `projectError` where there is no config
 */
export function requireProject(cwd: string, config?: string): Project {
  const folder = absolutePath(cwd);
  const project = findProject(folder, config);
  if (project !== undefined) return project;
  requireFolder(folder);
  const inTheWay = folderInTheWay(folder);
  const hint = inTheWay === undefined ? "" : ` (${inTheWay} is a folder, not a file)`;
  throw projectError(
    `Cannot find a project: no deno.json, deno.jsonc or package.json in ${folder} or above it${hint}`,
    { kind: "no-config", file: folder },
  );
}

/**
 * Makes sure that a project's folder still is there.
 *
 * @throws {WireError} `projectError` where it is gone
 */
export function requireFolder(folder: string): void {
  const kind = lookedAt(folder);
  if (kind === "folder") return;
  const why = kind instanceof Error
    ? `the folder ${folder} can't be looked at: ${systemReason(kind)}`
    : `there is no folder ${folder}`;
  throw projectError(`Cannot find a project: ${why}`, {
    kind: "no-config",
    file: folder,
  });
}

function projectOfConfig(path: string): Project {
  const kind = lookedAt(path);
  if (kind instanceof Deno.errors.PermissionDenied) throw kind;
  if (kind !== "file") {
    const reason = kind === undefined
      ? `there is no ${path}`
      : kind instanceof Error
      ? `${path} can't be looked at: ${systemReason(kind)}`
      : `${path} is ${kind === "folder" ? "a folder" : "no regular file"}`;
    throw projectError(`Cannot find the config file: ${reason}`, { kind: "no-config", file: path });
  }
  // The file may be a link: its folder is the one that was named, not the one that it leads to.
  const root = realFolder(parentFolder(path));
  return { root, config: joinPath(root, baseName(path)) };
}

/** A folder and all above it, nearest first. */
export function upwards(folder: string): string[] {
  const folders = [folder];
  for (let each = folder; each !== "/";) {
    each = parentFolder(each);
    folders.push(each);
  }
  return folders;
}

const CONFIG_NAMES: readonly string[] = [...DENO_CONFIG_NAMES, "package.json"];

/** Folders of these names are passed over, as `deno task` does; a FIFO or a device is an error. */
function hasConfig(folder: string): boolean {
  return CONFIG_NAMES.some((name) => {
    const kind = configKind(joinPath(folder, name));
    return kind === "file" || kind === "other";
  });
}

/**
 * @throws {Deno.errors.PermissionDenied} if the folder may not be searched: a project further up is
 *   not the one that is meant
 */
function configKind(path: string): FileKind | undefined {
  const kind = lookedAt(path);
  if (kind instanceof Deno.errors.PermissionDenied) throw kind;
  return kind instanceof Error ? undefined : kind;
}

/** The first config name at or above a folder that is a folder itself. */
function folderInTheWay(folder: string): string | undefined {
  return upwards(folder)
    .flatMap((each) => CONFIG_NAMES.map((name) => joinPath(each, name)))
    .find((path) => visibleKind(path) === "folder");
}

function isWorkspaceOf(folder: string, member: string): boolean {
  const inside = pathInside(folder, member);
  if (inside === undefined || inside === "") return false;
  const patterns = workspacePatterns(folder);
  const matching = patterns.filter((pattern) => matchesMember(pattern, inside));
  const isExcluded = patterns.some((pattern) =>
    pattern.startsWith("!") && matchesMember(pattern.slice(1), inside)
  );
  return matching.some((pattern) => !isExcluded || isExactMember(pattern));
}

/**
 * Whether a pattern of a workspace names one folder. An exclusion (`!`) does not take away such a
 * member, as `deno task` has it.
 */
export function isExactMember(pattern: string): boolean {
  return !/[*?]/.test(pattern);
}

/**
 * The members that a folder's config files name; none if it is no workspace.
 *
 * @throws {WireError} `projectError` of kind `invalid-config` if a file that may name them can't be
 *   read, or is out of bounds
 */
export function workspacePatterns(folder: string): string[] {
  const [deno] = DENO_CONFIG_NAMES.map((name) => joinPath(folder, name)).filter(isRegular);
  return [
    ...namedMembers(deno, "workspace", "members"),
    ...namedMembers(joinPath(folder, "package.json"), "workspaces", "packages"),
  ];
}

/** What is no regular file can't name members; if its own tasks are asked for, it is an error. */
function isRegular(path: string): boolean {
  return visibleKind(path) === "file";
}

/**
 * A path without links.
 *
 * @throws {WireError} `projectError` if a folder's name on the way is not UTF-8
 */
function realFolder(path: string): string {
  try {
    return realPath(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.InvalidData)) throw error;
    throw projectError(`Cannot find a project: ${path} leads to a name that is not UTF-8`, {
      kind: "no-config",
      file: path,
    });
  }
}

/** What the system says about a path: what it leads to, or why it refuses to look. */
function lookedAt(path: string): FileKind | Error | undefined {
  try {
    return fileKind(path);
  } catch (error) {
    if (isSystemError(error)) return error;
    throw error;
  }
}

function namedMembers(file: string | undefined, key: string, listKey: string): string[] {
  const text = file !== undefined && isRegular(file)
    ? readConfigText(file, { denied: true })
    : undefined;
  if (text === undefined || !text.includes(`"${key}"`) || tooDeepAt(text) !== undefined) return [];
  let config: unknown;
  try {
    config = JSON.parse(withoutComments(text));
  } catch (error) {
    // What is wrong with the file is said, with its place, by whoever runs its tasks.
    if (error instanceof SyntaxError) return [];
    throw error;
  }
  const value = memberOf(config, key);
  const list = Array.isArray(value) ? value : memberOf(value, listKey);
  return Array.isArray(list) ? list.filter((each) => typeof each === "string") : [];
}

function memberOf(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null
    ? (value as Record<string, unknown>)[key]
    : undefined;
}

const STARS: Readonly<Record<string, string>> = { "**/": "(?:.*/)?", "**": ".*", "*": "[^/]*" };

/** Whether a member's path is what a pattern says; `*` is any one folder, `**` any number. */
function matchesMember(pattern: string, path: string): boolean {
  // Several in a row mean what one means, and would be tried in every combination.
  const trimmed = pattern.replace(/^\.\//, "").replace(/\/+$/, "").replace(/(\*\*\/)+/g, "**/");
  const source = trimmed
    .replace(/[.+^${}()|[\]\\?]/g, "\\$&")
    .replace(/\*\*\/|\*\*|\*/g, (stars) => STARS[stars] ?? "");
  return new RegExp(`^${source}$`).test(path);
}
