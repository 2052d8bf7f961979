/**
 * The cookie file: the event of its renaming proves that the kernel has reported all earlier
 * changes.
 *
 * @module
 */

import {
  ensureFolderBelow,
  isSystemError,
  joinPath,
  removeIfPresent,
  touchFile,
} from "../../system/files/files.ts";
import { renameFile } from "../../system/files/tree.ts";

/**
 * The cookie's names. A `sync` renames the cookie from one to the other. That takes 8 us; creating
 * and removing a file takes 65 us.
 */
const COOKIES = ["cookie-0", "cookie-1"] as const;

/** A file that is renamed to cause an event. */
export class Cookie {
  readonly #root: string;
  readonly #folder: string;
  #name: string = COOKIES[0];

  /**
   * @param root the project's root folder, absolute
   * @param folder the folder of the cookie, in the root, absolute
   */
  constructor(root: string, folder: string) {
    this.#root = root;
    this.#folder = folder;
  }

  /** The file's current name, which is that of the last event. */
  get name(): string {
    return this.#name;
  }

  /**
   * Creates the folder.
   *
   * @throws the system's error
   */
  prepare(): void {
    ensureFolderBelow(this.#root, this.#folder, 0o700);
  }

  /**
   * Renames the file to its other name.
   *
   * @throws the system's error
   */
  move(): void {
    const before = this.#path;
    this.#name = this.#name === COOKIES[0] ? COOKIES[1] : COOKIES[0];
    this.prepare();
    moveOrMake(before, this.#path);
  }

  /** Removes the file. */
  remove(): void {
    removeIfPresent(this.#path);
  }

  get #path(): string {
    return joinPath(this.#folder, this.#name);
  }
}

/** Renames a file. If there is none, creates it under the new name. */
function moveOrMake(from: string, to: string): void {
  try {
    renameFile(from, to);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    touchFile(to);
  }
}
