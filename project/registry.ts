/**
 * Which servers a user has: one small file for each, in the folder of the user's cache.
 *
 * An entry is only a hint where to look. Whether a server runs there is what its lock says.
 *
 * @module
 */

import {
  joinPath,
  listFolder,
  readTextIfPresent,
  removeIfPresent,
  writeAtomically,
} from "../system/files/files.ts";
import { removeLeftAside } from "../system/files/aside.ts";
import { ensurePrivateFolder } from "../system/files/private_folder.ts";
import { checkCacheFolder } from "./cache_place.ts";
import { rootName } from "./root_name.ts";

/** A server that was started. */
export interface RegisteredServer {
  /** Its project's root folder, absolute. */
  readonly root: string;
  /** The config file that it was named, absolute. */
  readonly config?: string;
  /** Its process id. */
  readonly pid: number;
}

const SUFFIX = ".json";

/** The servers of a user. */
export class ServerRegistry {
  readonly #cache: string;
  readonly #folder: string;

  /** @param cache the folder of the user's cache, absolute */
  constructor(cache: string) {
    this.#cache = cache;
    this.#folder = joinPath(cache, "servers");
  }

  /**
   * Takes a server down, in the place of an earlier one of the same project.
   *
   * @throws {CachePlaceError} if the cache's folder belongs to another user
   * @throws {Error} what the system says where that can't be written
   */
  add(server: RegisteredServer): void {
    checkCacheFolder(this.#cache);
    ensurePrivateFolder(this.#folder);
    removeLeftAside(this.#folder);
    writeAtomically(this.#path(server.root), `${JSON.stringify(server)}\n`);
  }

  /** Strikes a server off, unless another one has taken its place. */
  remove({ root, pid }: RegisteredServer): void {
    const path = this.#path(root);
    if (this.#read(path)?.pid === pid) removeIfPresent(path);
  }

  /**
   * All that were not struck off, sorted by their roots; some may be gone.
   *
   * @throws {CachePlaceError} if the cache's folder belongs to another user
   */
  list(): RegisteredServer[] {
    checkCacheFolder(this.#cache, [this.#folder]);
    return listFolder(this.#folder)
      .filter((name) => name.endsWith(SUFFIX))
      .map((name) => this.#read(joinPath(this.#folder, name)))
      .filter((server) => server !== undefined)
      .sort((a, b) => a.root < b.root ? -1 : 1);
  }

  #path(root: string): string {
    return joinPath(this.#folder, `${rootName(root)}${SUFFIX}`);
  }

  #read(path: string): RegisteredServer | undefined {
    const text = readTextIfPresent(path);
    if (text === undefined) return undefined;
    try {
      const { root, config, pid } = JSON.parse(text) as Record<string, unknown>;
      if (typeof root !== "string" || !root.startsWith("/") || typeof pid !== "number") {
        return undefined;
      }
      return { root, pid, ...(typeof config === "string" ? { config } : {}) };
    } catch (error) {
      // What is no entry is nobody's.
      if (error instanceof SyntaxError || error instanceof TypeError) return undefined;
      throw error;
    }
  }
}
