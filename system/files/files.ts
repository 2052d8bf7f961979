/**
 * Files and paths, synchronous and on `Deno.*` alone: what a client can load without cost.
 *
 * @module
 */

/** What is at a path; links are followed. */
export type FileKind = "file" | "folder" | "other";

/** Bytes that a file whose size is unknown, as those of `/proc`, is read in at once. */
const PIECE_BYTES = 16 * 1024;

/** A path leads to a FIFO, a socket or a device: reading it could block, or never end. */
export class SpecialFileError extends Error {
  /** As the system's own errors have one. */
  readonly code = "ENOTREG";

  /** @param path names the file in the message */
  constructor(path: string) {
    super(`${path} is not a regular file`);
    this.name = "SpecialFileError";
  }
}

/**
 * Opens a regular file for reading. A FIFO, a socket or a device is not opened at all; the opened
 * file is checked once more, because another file may have taken the path's place in between.
 *
 * @throws {SpecialFileError} if the path leads to something else
 * @throws {Deno.errors.IsADirectory} if the path leads to a folder
 * @throws {Error} the system's, if the file is missing or can't be opened
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
 * Reads a regular file as a whole.
 *
 * @throws {Error} as {@linkcode openRegularFile}
 */
export function readRegularFile(path: string): Uint8Array<ArrayBuffer> {
  using file = openRegularFile(path);
  // One byte more than the size, so that most files end with the first read.
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
 * The text of a regular file; `undefined` if the file is missing.
 *
 * @throws {SpecialFileError} if the path leads to a FIFO, a socket or a device
 * @throws {Error} the system's, if the file can't be read
 */
export function readTextIfPresent(path: string): string | undefined {
  try {
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(readRegularFile(path));
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** What is at a path, or `undefined` where nothing is: nothing is at a path that is too long. */
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
 * As {@linkcode fileKind}; also `undefined` if the system refuses to look: no search permission, a
 * name that is too long, a damaged disk.
 */
export function visibleKind(path: string): FileKind | undefined {
  try {
    return fileKind(path);
  } catch (error) {
    if (isSystemError(error)) return undefined;
    throw error;
  }
}

/** `ENAMETOOLONG`, for which Deno has no class. */
const TOO_LONG = Deno.build.os === "linux" ? 36 : 63;

function isTooLong(error: unknown): boolean {
  return error instanceof Error && systemErrorNumber(error) === TOO_LONG;
}

/** Whether an error says that there is nothing at a path; links in a circle lead to nothing. */
export function isAbsent(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    error instanceof Deno.errors.NotADirectory ||
    error instanceof Deno.errors.FilesystemLoop;
}

/** Whether an error is what the system says about a call, as `ENOENT`; some have no code. */
export function isSystemError(error: unknown): error is Error & { readonly code?: string } {
  if (!(error instanceof Error)) return false;
  // A path or a link's target that is not UTF-8.
  if (error instanceof Deno.errors.InvalidData) return true;
  return systemErrorNumber(error) !== undefined ||
    ("code" in error && typeof error.code === "string");
}

/** What the system says about an error, as `File name too long`, without the path and the call. */
export function systemReason(error: Error): string {
  return error.message.replace(/ \(os error \d+\).*$/s, "");
}

/** The number that the system has for an error: where Deno has no class for it, all there is. */
export function systemErrorNumber(error: Error): number | undefined {
  const [, number] = /\(os error (\d+)\)/.exec(error.message) ?? [];
  return number === undefined ? undefined : Number(number);
}

/** A path that is the file's own: absolute and without links. */
export function realPath(path: string): string {
  return Deno.realPathSync(path);
}

/** The folder that a path is in; `/` is in itself. */
export function parentFolder(path: string): string {
  const end = path.replace(/\/+$/, "").lastIndexOf("/");
  return end <= 0 ? "/" : path.slice(0, end);
}

/** The last part of a path. */
export function baseName(path: string): string {
  const trimmed = path.replace(/\/+$/, "");
  return trimmed.slice(trimmed.lastIndexOf("/") + 1);
}

/** Parts of a path put together; a part that is absolute begins anew. `.` and `..` are resolved. */
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

/** A path made absolute against the working directory. */
export function absolutePath(path: string): string {
  return path.startsWith("/") ? joinPath(path) : joinPath(Deno.cwd(), path);
}

/**
 * A path inside a folder as it is seen from there, or `undefined` where it is not inside.
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
 * Makes a folder with its parents, if it is not there.
 *
 * @param mode for folders that are made, such as `0o700`
 */
export function ensureFolder(path: string, mode?: number): void {
  Deno.mkdirSync(path, mode === undefined ? { recursive: true } : { recursive: true, mode });
}

/**
 * Makes a folder with its parents below another one, which has to be there: what somebody has
 * removed, or given another name, is not made again.
 *
 * @throws {Deno.errors.NotFound} where `base` is not there
 */
export function ensureFolderBelow(base: string, path: string, mode: number): void {
  Deno.statSync(base);
  ensureFolder(path, mode);
}

/**
 * Does what needs a private folder, and makes that with its parents where it turns out to be
 * missing: most of the time it is there.
 *
 * @param work safe to begin anew where it says that something is not there
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

/** Where this process writes what is renamed to a path when it is whole. */
export function asidePath(path: string): string {
  return `${path}.${Deno.pid}.${crypto.randomUUID().slice(0, 8)}`;
}

/** Writes a file so that nobody ever sees a part of it: aside first, then renamed into place. */
export function writeAtomically(path: string, text: string, mode = 0o600): void {
  const aside = asidePath(path);
  try {
    Deno.writeTextFileSync(aside, text, { mode });
    Deno.renameSync(aside, path);
  } catch (error) {
    removeIfPresent(aside);
    throw error;
  }
}

/** Makes an empty file, or sets the times of one that is there. */
export function touchFile(path: string, mode = 0o600): void {
  Deno.writeTextFileSync(path, "", { append: true, mode });
}

/**
 * Removes a file, if it is there.
 *
 * @returns whether it was
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

/** Removes a file, or a folder with all that is in it, if it is there. */
export function removeTree(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
}

/** Removes a folder that is empty. @throws {Error} what the system says, as of one that is not */
export function removeEmptyFolder(path: string): void {
  Deno.removeSync(path);
}

/** Names of what is in a folder, sorted; none where there is no such folder. */
export function listFolder(path: string): string[] {
  try {
    return [...Deno.readDirSync(path)].map((entry) => entry.name).sort();
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

/** A file as the kernel knows it, whatever its name. */
export interface FileIdentity {
  readonly dev: number;
  readonly ino: number;
}

/** The identity of what is at a path (a link itself, not what it points to), or `undefined`. */
export function fileIdentity(path: string): FileIdentity | undefined {
  try {
    const info = Deno.lstatSync(path);
    return { dev: info.dev, ino: info.ino ?? 0 };
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** When a file was last written, in milliseconds since the Unix epoch; `undefined` if unknown. */
export function modifiedAt(path: string): number | undefined {
  try {
    return Deno.statSync(path).mtime?.getTime();
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** The identity of the file that a path leads to, links followed, or `undefined`. */
export function targetIdentity(path: string): FileIdentity | undefined {
  try {
    const info = Deno.statSync(path);
    return { dev: info.dev, ino: info.ino ?? 0 };
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** Whether two identities are one file's. */
export function isSameFile(a: FileIdentity | undefined, b: FileIdentity | undefined): boolean {
  return a !== undefined && b !== undefined && a.dev === b.dev && a.ino === b.ino;
}
