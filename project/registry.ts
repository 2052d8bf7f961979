/**
 * Registry of a user's servers: one small file for each server, in the user's cache folder.
 *
 * An entry is only a hint. The lock file of the project decides whether its server is running.
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
import { removeOrphanedFiles } from "../system/files/temporary_files.ts";
import { ensurePrivateFolder } from "../system/files/private_folder.ts";
import { checkCacheFolder } from "./cache_place.ts";
import { rootName } from "./root_name.ts";

/** Entry of a server that was started. */
export interface RegisteredServer {
  /** Root folder of the server's project, absolute. */
  readonly root: string;
  /** Config file that the user named, absolute. */
  readonly config?: string;
  readonly pid: number;
  /** Last use that has been recorded, in milliseconds since the Unix epoch; absent: unknown. */
  readonly usedAt?: number;
  /** True if the server ends for no other server, for example because it runs in a terminal. */
  readonly isKept?: true;
}

const SUFFIX = ".json";

/** Reads and writes the registry of one user. */
export class ServerRegistry {
  readonly #cache: string;
  readonly #folder: string;

  /** @param cache the user's cache folder, absolute */
  constructor(cache: string) {
    this.#cache = cache;
    this.#folder = joinPath(cache, "servers");
  }

  /** Lock file for servers that compare the number of entries with a limit, absolute. */
  get limitLock(): string {
    return joinPath(this.#folder, "limit.lock");
  }

  /**
   * Adds or updates a server. It replaces an earlier server of the same project.
   *
   * @throws {CachePlaceError} if the cache folder belongs to another user
   * @throws {Error} the system's error if the entry cannot be written
   */
  add(server: RegisteredServer): void {
    checkCacheFolder(this.#cache);
    ensurePrivateFolder(this.#folder);
    removeOrphanedFiles(this.#folder);
    writeAtomically(this.#path(server.root), `${JSON.stringify(server)}\n`);
  }

  /** Removes a server, unless another server has replaced it. */
  remove({ root, pid }: RegisteredServer): void {
    const path = this.#path(root);
    if (this.#read(path)?.pid === pid) removeIfPresent(path);
  }

  /**
   * Lists all servers that were not removed, sorted by their roots. Some may have ended.
   *
   * @throws {CachePlaceError} if the cache folder belongs to another user
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
      const { root, config, pid, usedAt, isKept } = JSON.parse(text) as Record<string, unknown>;
      if (typeof root !== "string" || !root.startsWith("/") || typeof pid !== "number") {
        return undefined;
      }
      return {
        root,
        pid,
        ...(typeof config === "string" ? { config } : {}),
        ...(typeof usedAt === "number" ? { usedAt } : {}),
        ...(isKept === true ? { isKept } : {}),
      };
    } catch (error) {
      // A malformed file is not an entry.
      if (error instanceof SyntaxError || error instanceof TypeError) return undefined;
      throw error;
    }
  }
}
