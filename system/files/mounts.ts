/**
 * The table of mounts (Linux): which file systems are where.
 *
 * A mount puts other files at a path without touching what was there, so that no watch tells of it.
 *
 * @module
 */

import { pathInside } from "./files.ts";

const TABLE = "/proc/self/mountinfo";
/** Which of a line's fields is the place, from 0. */
const PLACE_FIELD = 4;

/** The mounts that a folder depends on: those at or below it, and those that lead to it. */
export class MountTable {
  readonly #folder: string;
  #text: string | undefined;
  #known: string | undefined;

  /** @param folder absolute, with links resolved */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Whether the folder's mounts are others than at the last call; not at the first one, and not on
   * platforms without such a table.
   */
  hasChanged(): boolean {
    const text = readTable();
    if (text === this.#text) return false;
    this.#text = text;
    const before = this.#known;
    // Containers come and go on a busy machine: most mounts are nothing to this folder.
    this.#known = text?.split("\n").filter((line) => this.#concerns(line)).join("\n");
    return before !== undefined && before !== this.#known;
  }

  #concerns(line: string): boolean {
    const place = decoded(line.split(" ")[PLACE_FIELD] ?? "");
    return pathInside(this.#folder, place) !== undefined ||
      pathInside(place, this.#folder) !== undefined;
  }
}

function readTable(): string | undefined {
  if (Deno.build.os !== "linux") return undefined;
  try {
    return Deno.readTextFileSync(TABLE);
  } catch (error) {
    // Without /proc there is no table.
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Blanks, tabs, line ends and backslashes are written as octal numbers. */
function decoded(text: string): string {
  return text.replace(
    /\\([0-7]{3})/g,
    (_, octal: string) => String.fromCharCode(parseInt(octal, 8)),
  );
}
