/**
 * The packages of a workspace, as its `turbo.json` files name them.
 *
 * @module
 */

import type { TaskFile } from "./tasks.ts";

/** Finds packages by their names. They are read when they are needed. */
export class TurboPackages {
  readonly #read: () => readonly TaskFile[];
  #files: readonly TaskFile[] | undefined;
  #folders: ReadonlyMap<string, string> | undefined;

  /** @param read returns the config files of all members of the workspace */
  constructor(read: () => readonly TaskFile[]) {
    this.#read = read;
  }

  /** Folders of the packages by their names. */
  get folders(): ReadonlyMap<string, string> {
    this.#files ??= this.#read();
    this.#folders ??= new Map(
      this.#files.flatMap(({ packageName, folder }) =>
        packageName === undefined ? [] : [[packageName, folder] as const]
      ),
    );
    return this.#folders;
  }

  /** Returns the folders of the packages that some files import, directly or through others. */
  behind(files: readonly TaskFile[]): string[] {
    const names = files.flatMap(({ dependencies }) => [...dependencies.keys()]);
    if (names.length === 0) return [];
    const { folders } = this;
    const byFolder = Map.groupBy(this.#files ?? [], ({ folder }) => folder);
    const found = new Set(names.flatMap((name) => folders.get(name) ?? []));
    // A set iterates over the entries that are added on the way.
    for (const folder of found) {
      for (const { dependencies } of byFolder.get(folder) ?? []) {
        for (const name of dependencies.keys()) {
          const next = folders.get(name);
          if (next !== undefined) found.add(next);
        }
      }
    }
    return [...found].sort();
  }
}
