/**
 * Basic functions for files and paths, used everywhere. They are synchronous and use `Deno.*`
 * alone, so that a client can load this module without cost.
 *
 * @module
 */

/** The kind of file at a path, after links were followed. */
export type FileKind = "file" | "folder" | "other";

/** The least size of a read buffer, in bytes, because files in `/proc` report a size of 0. */
const PIECE_BYTES = 16 * 1024;

/** Error: a path leads to a FIFO, a socket or a device. Reading it could block, or never end. */
export class SpecialFileError extends Error {
  /** A code in the style of the system's own error codes. */
  readonly code = "ENOTREG";

  /** @param path names the file in the message */
  constructor(path: string) {
    super(`${path} is not a regular file`);
    this.name = "SpecialFileError";
  }
}

/**
 * Opens a regular file for reading. A FIFO, a socket or a device is not opened at all. The open
 * file is checked again, because another file may have replaced it between the first check and the
 * open.
 *
 * @throws {SpecialFileError} if the path leads to a FIFO, a socket or a device
 * @throws {Deno.errors.IsADirectory} if the path leads to a folder
 * @throws {Error} the system's error if the file is missing or can't be opened
 */
export function openRegularFile(path: string): Deno.FsFile {
  requireRegular(path, Deno.statSync(path));
  const file = Deno.openSync(path);
  try {
    requireRegular(path, file.statSync());
    return file;
  } catch (error) {
    file.close();
    throw error;
  }
}

function requireRegular(path: string, { isFile, isDirectory }: Deno.FileInfo): void {
  if (isDirectory) throw new Deno.errors.IsADirectory(`${path} is a folder`);
  if (!isFile) throw new SpecialFileError(path);
}

/**
 * Reads a whole regular file.
 *
 * @throws {Error} like {@linkcode openRegularFile}
 */
export function readRegularFile(path: string): Uint8Array<ArrayBuffer> {
  using file = openRegularFile(path);
  // One byte more than the size: the first read of most files then leaves room in the buffer, which
  // need not grow.
  let bytes = new Uint8Array(Math.max(file.statSync().size, PIECE_BYTES - 1) + 1);
  let end = 0;
  for (let count = file.readSync(bytes); count !== null;) {
    end += count;
    if (end === bytes.length) {
      const larger = new Uint8Array(2 * end);
      larger.set(bytes);
      bytes = larger;
    }
    count = file.readSync(bytes.subarray(end));
  }
  return bytes.subarray(0, end);
}

/**
 * Reads the text of a regular file.
 *
 * @returns `undefined` if the file is missing
 * @throws {SpecialFileError} if the path leads to a FIFO, a socket or a device
 * @throws {Error} the system's error if the file can't be read
 */
export function readTextIfPresent(path: string): string | undefined {
  try {
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(readRegularFile(path));
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/**
 * Returns the system's facts about the entry at a path, or `undefined` if there is none. Does not
 * follow links.
 *
 * @throws {Error} the system's error if a folder of the path may not be searched
 */
export function infoIfPresent(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/**
 * Returns the kind of file at a path, or `undefined` if the file is missing or the path too long.
 */
export function fileKind(path: string): FileKind | undefined {
  try {
    const info = Deno.statSync(path);
    return info.isFile ? "file" : info.isDirectory ? "folder" : "other";
  } catch (error) {
    if (isAbsent(error) || isTooLong(error)) return undefined;
    throw error;
  }
}

/**
 * Returns the kind of file at a path, like {@linkcode fileKind}. Also returns `undefined` if the
 * system can't tell: no search permission, a name that is too long, a damaged disk.
 */
export function visibleKind(path: string): FileKind | undefined {
  try {
    return fileKind(path);
  } catch (error) {
    if (isSystemError(error)) return undefined;
    throw error;
  }
}

/** The number of `ENAMETOOLONG`, for which Deno has no error class. */
const TOO_LONG = Deno.build.os === "linux" ? 36 : 63;

function isTooLong(error: unknown): boolean {
  return error instanceof Error && systemErrorNumber(error) === TOO_LONG;
}

/** Returns true if an error means that a path does not exist. A loop of links counts as missing. */
export function isAbsent(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    error instanceof Deno.errors.NotADirectory ||
    error instanceof Deno.errors.FilesystemLoop;
}

/** Returns true if an error comes from a system call, such as `ENOENT`. Some have no code. */
export function isSystemError(error: unknown): error is Error & { readonly code?: string } {
  if (!(error instanceof Error)) return false;
  // Deno throws this if a path or a link's target is not UTF-8.
  if (error instanceof Deno.errors.InvalidData) return true;
  return systemErrorNumber(error) !== undefined ||
    ("code" in error && typeof error.code === "string");
}

/** Returns an error's message, such as `File name too long`, without the path and the call. */
export function systemReason(error: Error): string {
  return error.message.replace(/ \(os error \d+\).*$/s, "");
}

/** Returns the system's number of an error. Errors without a Deno class are known by it alone. */
export function systemErrorNumber(error: Error): number | undefined {
  const [, number] = /\(os error (\d+)\)/.exec(error.message) ?? [];
  return number === undefined ? undefined : Number(number);
}

/** Resolves all links of a path. The result is absolute. */
export function realPath(path: string): string {
  return Deno.realPathSync(path);
}

/** Resolves all links of a folder's path. Returns the path as it is if it leads to no folder. */
export function realFolder(path: string): string {
  return visibleKind(path) === "folder" ? realPath(path) : path;
}

/** Returns the folder that contains a path. The parent of `/` is `/`. */
export function parentFolder(path: string): string {
  const end = path.replace(/\/+$/, "").lastIndexOf("/");
  return end <= 0 ? "/" : path.slice(0, end);
}

/** Returns the last part of a path. */
export function baseName(path: string): string {
  const trimmed = path.replace(/\/+$/, "");
  return trimmed.slice(trimmed.lastIndexOf("/") + 1);
}

/**
 * Joins the parts of a path and resolves `.` and `..`. An absolute part discards those before it.
 */
export function joinPath(first: string, ...rest: readonly string[]): string {
  const joined = rest.reduce(
    (path, part) => part.startsWith("/") ? part : `${path}/${part}`,
    first,
  );
  const parts: string[] = [];
  for (const part of joined.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === ".." && parts.length > 0 && parts.at(-1) !== "..") parts.pop();
    else if (part !== ".." || !joined.startsWith("/")) parts.push(part);
  }
  return joined.startsWith("/") ? `/${parts.join("/")}` : parts.join("/") || ".";
}

/** Makes a path absolute, relative to the working directory. */
export function absolutePath(path: string): string {
  return path.startsWith("/") ? joinPath(path) : joinPath(Deno.cwd(), path);
}

/**
 * Returns a path relative to a folder, or `undefined` if the path is not inside the folder.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { pathInside } from "./files.ts";
 *
 * assertEquals(pathInside("/a", "/a/b/c"), "b/c");
 * assertEquals(pathInside("/a", "/a"), "");
 * assertEquals(pathInside("/a", "/ab"), undefined);
 * ```
 */
export function pathInside(folder: string, path: string): string | undefined {
  if (path === folder) return "";
  const prefix = folder.endsWith("/") ? folder : `${folder}/`;
  return path.startsWith(prefix) ? path.slice(prefix.length) : undefined;
}

/**
 * Returns the path that leads from a folder to another path, with `..` where it leads upwards.
 *
 * @param folder absolute
 * @param path absolute
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { relativePath } from "./files.ts";
 *
 * assertEquals(relativePath("/a/b", "/a/c/d"), "../c/d");
 * assertEquals(relativePath("/a", "/a"), "");
 * ```
 */
export function relativePath(folder: string, path: string): string {
  const [from, to] = [folder, path].map((each) => each.split("/").filter((part) => part !== ""));
  let shared = 0;
  while (shared < (from?.length ?? 0) && from?.[shared] === to?.[shared]) shared++;
  const up = (from ?? []).slice(shared).map(() => "..");
  return [...up, ...(to ?? []).slice(shared)].join("/");
}

/**
 * Creates a folder and its parents if they are missing.
 *
 * @param mode the mode of folders that are created, such as `0o700`
 */
export function ensureFolder(path: string, mode?: number): void {
  Deno.mkdirSync(path, mode === undefined ? { recursive: true } : { recursive: true, mode });
}

/**
 * Creates a folder and its parents below `base`, which must exist. If the user has deleted or
 * renamed `base`, it is not created again.
 *
 * @throws {Deno.errors.NotFound} if `base` is missing
 */
export function ensureFolderBelow(base: string, path: string, mode: number): void {
  Deno.statSync(base);
  ensureFolder(path, mode);
}

/**
 * Does work that needs a private folder. If the work fails because a path is missing, creates the
 * folder and its parents and repeats the work. This saves a check, because most often the folder
 * exists.
 *
 * @param work safe to repeat after it has failed on a missing path
 */
export function inFolder(folder: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!isAbsent(error)) throw error;
    ensureFolder(folder, 0o700);
    work();
  }
}

/**
 * Returns a new name for a temporary file, which this process renames to `path` when it is whole.
 */
export function temporaryPath(path: string): string {
  return `${path}.${Deno.pid}.${crypto.randomUUID().slice(0, 8)}`;
}

/** Writes a temporary file and renames it to `path`, so that readers never see a partial file. */
export function writeAtomically(path: string, text: string, mode = 0o600): void {
  const temporary = temporaryPath(path);
  try {
    Deno.writeTextFileSync(temporary, text, { mode });
    Deno.renameSync(temporary, path);
  } catch (error) {
    removeIfPresent(temporary);
    throw error;
  }
}

/** Creates an empty file if there is none. The content of an existing file stays as it is. */
export function touchFile(path: string, mode = 0o600): void {
  Deno.writeTextFileSync(path, "", { append: true, mode });
}

/** Appends text to a file. Creates it if there is none. */
export function appendText(path: string, text: string): void {
  Deno.writeTextFileSync(path, text, { append: true });
}

/**
 * Removes a file if it exists.
 *
 * @returns true if the file existed
 */
export function removeIfPresent(path: string): boolean {
  try {
    Deno.removeSync(path);
    return true;
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
}

/** Removes a file, or a folder with all of its content, if it exists. */
export function removeTree(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
}

/**
 * Removes an empty folder.
 *
 * @throws {Error} the system's error, for example if the folder is not empty
 */
export function removeEmptyFolder(path: string): void {
  Deno.removeSync(path);
}

/** Lists the names in a folder, sorted. Returns an empty list if the folder is missing. */
export function listFolder(path: string): string[] {
  try {
    return [...Deno.readDirSync(path)].map((entry) => entry.name).sort();
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

/** The kernel's identity of a file, which is independent of the file's names. */
export interface FileIdentity {
  readonly dev: number;
  readonly ino: number;
}

/** Returns the identity of a file or a link, or `undefined` if missing. Does not follow links. */
export function fileIdentity(path: string): FileIdentity | undefined {
  try {
    const info = Deno.lstatSync(path);
    return { dev: info.dev, ino: info.ino ?? 0 };
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/**
 * Returns a file's modification time in milliseconds since the Unix epoch, or `undefined` if the
 * file is missing or the time unknown.
 */
export function modifiedAt(path: string): number | undefined {
  try {
    return Deno.statSync(path).mtime?.getTime();
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** Returns the identity of the file at a path, or `undefined` if missing. Follows links. */
export function targetIdentity(path: string): FileIdentity | undefined {
  try {
    const info = Deno.statSync(path);
    return { dev: info.dev, ino: info.ino ?? 0 };
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** Returns true if both identities are known and belong to the same file. */
export function isSameFile(a: FileIdentity | undefined, b: FileIdentity | undefined): boolean {
  return a !== undefined && b !== undefined && a.dev === b.dev && a.ino === b.ino;
}
