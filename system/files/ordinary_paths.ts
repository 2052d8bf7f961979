/**
 * Tells ordinary paths from those that mean something else in each process, such as
 * `/proc/self/cwd`, `/dev/stdout` and `/dev/fd/3`.
 *
 * The server must not open the latter on behalf of a task: it would reach its own descriptors,
 * environment and working directory. The check resolves links by hand, because the kernel resolves
 * `/proc/self` to the process that asks.
 *
 * @module
 */

import { isAbsent, isSystemError, realPath } from "./files.ts";

/** What each process sees differently. `/dev/shm` is an ordinary file system. */
const OF_PROCESS = /^\/(?:proc(?:\/|$)|dev\/(?!shm(?:\/|$)))/;

/** Links in one path after which the kernel gives up (Linux: 40). */
const MAX_LINKS = 40;

/** Ordinary paths, relative to one working directory. */
export class OrdinaryPaths {
  /** Absolute, without links. */
  readonly #folder: string;
  /** The device of `/proc`: a second mount of it elsewhere has the same one. */
  readonly #procDevice: number | undefined;

  private constructor(folder: string, procDevice: number | undefined) {
    this.#folder = folder;
    this.#procDevice = procDevice;
  }

  /**
   * Checks a working directory.
   *
   * @param folder absolute
   * @returns `undefined` if it is no folder, or none that each process sees in the same way
   */
  static at(folder: string): OrdinaryPaths | undefined {
    const procDevice = lookAt("/proc")?.dev;
    const info = lookAt(folder);
    // Most folders have no link in their path: the kernel tells in one call.
    const isResolved = info?.isDirectory === true && realPath(folder) === folder;
    if (isResolved && !OF_PROCESS.test(`${folder}/`) && info.dev !== procDevice) {
      return new OrdinaryPaths(folder === "/" ? "" : folder, procDevice);
    }
    const resolved = new OrdinaryPaths("", procDevice).#follow(folder);
    if (resolved === undefined || lookAt(resolved)?.isDirectory !== true) return undefined;
    return new OrdinaryPaths(resolved === "/" ? "" : resolved, procDevice);
  }

  /**
   * A word as an absolute path.
   *
   * @returns `undefined` if the word, or what a link in it leads to, belongs to a process
   */
  resolve(word: string): string | undefined {
    if (this.#follow(word) === undefined) return undefined;
    return word.startsWith("/") ? word : `${this.#folder}/${word}`;
  }

  /**
   * Follows all links as the kernel does; parts that are missing are taken for ordinary ones. A path
   * that the system refuses to look at, as one with too long a name, is left to the shell.
   */
  #follow(word: string): string | undefined {
    try {
      return this.#followed(word);
    } catch (error) {
      if (isSystemError(error)) return undefined;
      throw error;
    }
  }

  #followed(word: string): string | undefined {
    const parts = partsOf(word);
    let at = word.startsWith("/") ? "" : this.#folder;
    let links = 0;
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      if (part === "..") {
        at = at.slice(0, Math.max(0, at.lastIndexOf("/")));
        continue;
      }
      const path = `${at}/${part}`;
      const info = lookAt(path);
      if (OF_PROCESS.test(path) || (info !== undefined && info.dev === this.#procDevice)) {
        return undefined;
      }
      if (info?.isSymlink !== true) {
        at = path;
        continue;
      }
      if (++links > MAX_LINKS) return undefined;
      const target = Deno.readLinkSync(path);
      if (target.startsWith("/")) at = "";
      parts.push(...partsOf(target));
    }
    if (at === "/dev") return undefined;
    return at === "" ? "/" : at;
  }
}

/** The parts of a path, the first one last. */
function partsOf(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".").reverse();
}

function lookAt(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}
