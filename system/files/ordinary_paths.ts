/**
 * Tells ordinary paths from those that lead to something else in each process, such as
 * `/proc/self/cwd`, `/dev/stdout` and `/dev/fd/3`.
 *
 * The server must not open the latter on behalf of a task, because it would reach its own
 * descriptors, environment and working directory. The check resolves links itself, because the
 * kernel resolves `/proc/self` to the process that makes the call.
 *
 * @module
 */

import { infoIfPresent, isSystemError, realPath } from "./files.ts";

/** Matches paths that each process sees differently. `/dev/shm` is an ordinary file system. */
const OF_PROCESS = /^\/(?:proc(?:\/|$)|dev\/(?!shm(?:\/|$)))/;

/** The largest number of links in one path. The Linux kernel has the same limit. */
const MAX_LINKS = 40;

/** Resolves and checks paths relative to one working directory. */
export class OrdinaryPaths {
  /** The working directory, absolute and without links. Empty for `/`. */
  readonly #folder: string;
  /** The device of `/proc`. A second mount of it elsewhere has the same device. */
  readonly #procDevice: number | undefined;

  private constructor(folder: string, procDevice: number | undefined) {
    this.#folder = folder;
    this.#procDevice = procDevice;
  }

  /**
   * Checks a working directory.
   *
   * @param folder absolute
   * @returns `undefined` if it is not a folder, or if processes see it differently
   */
  static at(folder: string): OrdinaryPaths | undefined {
    const procDevice = infoIfPresent("/proc")?.dev;
    const info = infoIfPresent(folder);
    // Most folders have no link in their path, which one call of `realPath` shows.
    const isResolved = info?.isDirectory === true && realPath(folder) === folder;
    if (isResolved && !OF_PROCESS.test(`${folder}/`) && info.dev !== procDevice) {
      return new OrdinaryPaths(folder === "/" ? "" : folder, procDevice);
    }
    const resolved = new OrdinaryPaths("", procDevice).#follow(folder);
    if (resolved === undefined || infoIfPresent(resolved)?.isDirectory !== true) return undefined;
    return new OrdinaryPaths(resolved === "/" ? "" : resolved, procDevice);
  }

  /**
   * Makes a word of a command line an absolute path.
   *
   * @returns `undefined` if the word, or a link in it, leads to a path that processes see
   *   differently
   */
  resolve(word: string): string | undefined {
    if (this.#follow(word) === undefined) return undefined;
    return word.startsWith("/") ? word : `${this.#folder}/${word}`;
  }

  /**
   * Follows all links, like the kernel. Missing parts count as ordinary. Returns `undefined` if the
   * system can't look at the path, for example because a name is too long. The shell handles such a
   * path.
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
      const info = infoIfPresent(path);
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

/** Splits a path into its parts, in reverse order. */
function partsOf(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".").reverse();
}
