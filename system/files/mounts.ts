/**
 * Detects changes of the mount table (Linux), for the tracker of task inputs.
 *
 * A mount puts other files at a path without changing the files that were there, so that watches
 * report no event.
 *
 * @module
 */

import { pathInside } from "./files.ts";

const TABLE = "/proc/self/mountinfo";
/** The index of the mount point among a line's fields. */
const PLACE_FIELD = 4;

/** The mounts that a folder depends on: those at the folder, below it, and above it. */
export class MountTable {
  readonly #folder: string;
  #text: string | undefined;
  #known: string | undefined;

  /** @param folder absolute, without links */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Returns true if the folder's mounts have changed since the last call. Returns false at the
   * first call, and on platforms without a mount table.
   */
  hasChanged(): boolean {
    const text = readTable();
    if (text === this.#text) return false;
    this.#text = text;
    const before = this.#known;
    // Containers mount and unmount all the time on a busy machine. Most mounts do not affect this
    // folder.
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
    // Without /proc there is no mount table.
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Decodes a field: the kernel writes blanks, tabs, line ends and backslashes as octal numbers. */
function decoded(text: string): string {
  return text.replace(
    /\\([0-7]{3})/g,
    (_, octal: string) => String.fromCharCode(parseInt(octal, 8)),
  );
}
