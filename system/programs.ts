/**
 * Programs: files that the system can start.
 *
 * @module
 */

import { isAbsent, openRegularFile } from "./files.ts";
import { OrdinaryPaths } from "./ordinary_paths.ts";

/** The first bytes of what Linux and macOS start: ELF, a script's interpreter, Mach-O. */
const BEGINNINGS: readonly (readonly number[])[] = [
  [0x7f, 0x45, 0x4c, 0x46],
  [0x23, 0x21],
  [0xcf, 0xfa, 0xed, 0xfe],
  [0xca, 0xfe, 0xba, 0xbe],
];

/** Tells programs from other files, and reads each only once while it stays what it is. */
export class Programs {
  /** What files were at paths that begin as a program does. */
  readonly #known = new Map<string, string>();

  /**
   * Whether there is a file at a path that the system can start, as far as its mode and kind say.
   * A path such as `/proc/self/exe` does not count: it is another file in each process.
   */
  has(path: string): boolean {
    try {
      const { isFile, mode, dev, ino, size, mtime, ctime } = Deno.statSync(path);
      if (!isFile || ((mode ?? 0) & 0o111) === 0) return false;
      const file = [dev, ino, size, mtime?.getTime(), ctime?.getTime()].join(" ");
      if (this.#known.get(path) === file) return true;
      if (OrdinaryPaths.at("/")?.resolve(path) === undefined) return false;
      if (!beginsAsProgram(path)) return false;
      this.#known.set(path, file);
      return true;
    } catch (error) {
      if (isAbsent(error) || error instanceof Deno.errors.PermissionDenied) return false;
      throw error;
    }
  }
}

function beginsAsProgram(path: string): boolean {
  using file = openRegularFile(path);
  const first = new Uint8Array(4);
  file.readSync(first);
  return BEGINNINGS.some((bytes) => bytes.every((byte, index) => first[index] === byte));
}

/** What `deno task` tells programs of itself, as npm does. */
export function platformAgent(): string {
  const { os, arch } = Deno.build;
  const { deno } = Deno.version;
  return `deno/${deno} npm/? deno/${deno} ${os} ${arch}`;
}
