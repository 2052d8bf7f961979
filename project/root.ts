/**
 * Finds the root folder of a project: the folder whose server serves a working directory.
 *
 * Every command runs this code, so it reads as little as possible. Config files are parsed only
 * above the nearest one, and only if they mention a workspace.
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
import { expandBraces } from "./stars.ts";
import { readConfigText, tooDeepAt, withoutComments } from "./config_text.ts";

/** Names of config files. The first one that exists counts. */
export const DENO_CONFIG_NAMES = ["deno.json", "deno.jsonc"] as const;

/** The file that makes a folder the root of a pnpm workspace, whatever its contents are. */
export const PNPM_WORKSPACE = "pnpm-workspace.yaml";

/** Identity of a project, and of its server. */
export interface Project {
  /** Root folder, absolute, with symlinks resolved. */
  readonly root: string;
  /** Config file that the user named (`--config`), absolute; absent if it must be searched for. */
  readonly config?: string;
}

/**
 * Finds the project of a folder: the nearest folder upwards with a `deno.json`, `deno.jsonc` or
 * `package.json`. If that folder is a member of a workspace, the workspace's root is the project. As
 * for pnpm, every `package.json` below a `pnpm-workspace.yaml` belongs to its workspace.
 *
 * @param cwd absolute
 * @param config config file that the user named, absolute or relative to `cwd`; it may be a symlink
 * @returns `undefined` if there is no config file
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
  if (nearest === "/" || hasFile(nearest, PNPM_WORKSPACE)) return { root: nearest };
  const isPackage = hasFile(nearest, "package.json");
  const workspace = upwards(parentFolder(nearest)).find((folder) =>
    (isPackage && hasFile(folder, PNPM_WORKSPACE)) || isWorkspaceOf(folder, nearest)
  );
  return { root: workspace ?? nearest };
}

/**
 * Finds a project like {@linkcode findProject}, but fails if there is none.
 *
 * @throws {WireError} `projectError` if there is no config file
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
 * Checks that a project's folder still exists.
 *
 * @throws {WireError} `projectError` if it does not
 */
export function requireFolder(folder: string): void {
  const kind = lookedAt(folder);
  if (kind === "folder") return;
  const why = kind instanceof Error
    ? `the folder ${folder} cannot be accessed: ${systemReason(kind)}`
    : `the folder ${folder} does not exist`;
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
      ? `${path} does not exist`
      : kind instanceof Error
      ? `${path} cannot be accessed: ${systemReason(kind)}`
      : `${path} is ${kind === "folder" ? "a folder" : "not a regular file"}`;
    throw projectError(`Cannot find the config file: ${reason}`, { kind: "no-config", file: path });
  }
  // The file may be a symlink. The root is the folder of the link, not the folder of its target.
  const root = realFolder(parentFolder(path));
  return { root, config: joinPath(root, baseName(path)) };
}

/** Returns a folder and all its parents, nearest first. */
export function upwards(folder: string): string[] {
  const folders = [folder];
  for (let each = folder; each !== "/";) {
    each = parentFolder(each);
    folders.push(each);
  }
  return folders;
}

const CONFIG_NAMES: readonly string[] = [...DENO_CONFIG_NAMES, "package.json", PNPM_WORKSPACE];

/**
 * Returns true if a folder has a config file. Folders of such a name are ignored, as in
 * `deno task`. A FIFO or a device counts, so that it is reported as an error.
 */
function hasConfig(folder: string): boolean {
  return CONFIG_NAMES.some((name) => {
    const kind = configKind(joinPath(folder, name));
    return kind === "file" || kind === "other";
  });
}

/**
 * @throws {Deno.errors.PermissionDenied} if the folder may not be searched. The search must not go
 *   on to a project further up, which is not the one that the user means.
 */
function configKind(path: string): FileKind | undefined {
  const kind = lookedAt(path);
  if (kind instanceof Deno.errors.PermissionDenied) throw kind;
  return kind instanceof Error ? undefined : kind;
}

/** Returns the first folder at or above `folder` that has the name of a config file. */
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

function hasFile(folder: string, name: string): boolean {
  return configKind(joinPath(folder, name)) === "file";
}

/**
 * Returns true if a pattern of a workspace names exactly one folder. An exclusion (`!`) does not
 * remove such a member, as in `deno task`.
 */
export function isExactMember(pattern: string): boolean {
  return !/[*?{[(]/.test(pattern);
}

/**
 * Returns the members that a folder's config files name. The list is empty if the folder is no
 * workspace.
 *
 * @throws {WireError} `projectError` of kind `invalid-config` if a file that may name members
 *   cannot be read, or is out of bounds
 */
export function workspacePatterns(folder: string): string[] {
  const [deno] = DENO_CONFIG_NAMES.map((name) => joinPath(folder, name)).filter(isRegular);
  return [
    ...namedMembers(deno, "workspace", "members"),
    ...namedMembers(joinPath(folder, "package.json"), "workspaces", "packages"),
  ];
}

/**
 * Returns true for a regular file. Other files cannot name members, and are reported as errors only
 * when their own tasks are needed.
 */
function isRegular(path: string): boolean {
  return visibleKind(path) === "file";
}

/**
 * Resolves the symlinks of a path.
 *
 * @throws {WireError} `projectError` if the name of a folder on the way is not UTF-8
 */
function realFolder(path: string): string {
  try {
    return realPath(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.InvalidData)) throw error;
    throw projectError(`Cannot find a project: ${path} resolves to a name that is not UTF-8`, {
      kind: "no-config",
      file: path,
    });
  }
}

/** Returns the kind of the file that a path leads to, or the system's error if access fails. */
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
    // The command that runs the file's tasks reports the mistake with its position.
    if (error instanceof SyntaxError) return [];
    throw error;
  }
  const value = memberOf(config, key);
  const list = Array.isArray(value) ? value : memberOf(value, listKey);
  return Array.isArray(list)
    ? list.filter((each) => typeof each === "string").flatMap(expandBraces)
    : [];
}

function memberOf(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null
    ? (value as Record<string, unknown>)[key]
    : undefined;
}

const STARS: Readonly<Record<string, string>> = { "**/": "(?:.*/)?", "**": ".*", "*": "[^/]*" };

/** Returns true if a pattern matches a member's path; `*` is any one folder, `**` any number. */
function matchesMember(pattern: string, path: string): boolean {
  // Several `**/` in a row mean the same as one, but would be tried in every combination.
  const trimmed = pattern.replace(/^\.\//, "").replace(/\/+$/, "").replace(/(\*\*\/)+/g, "**/");
  const source = trimmed
    .replace(/[.+^${}()|[\]\\?]/g, "\\$&")
    .replace(/\*\*\/|\*\*|\*/g, (stars) => STARS[stars] ?? "");
  return new RegExp(`^${source}$`).test(path);
}
