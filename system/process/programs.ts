/**
 * Recognizes programs: files that the system can start, by their mode and their first bytes.
 *
 * @module
 */

import { isAbsent, openRegularFile } from "../files/files.ts";
import { OrdinaryPaths } from "../files/ordinary_paths.ts";

/** The first bytes of programs for macOS. */
const MACH_O: readonly (readonly number[])[] = [
  [0xcf, 0xfa, 0xed, 0xfe],
  [0xca, 0xfe, 0xba, 0xbe],
];
const ELF: readonly number[] = [0x7f, 0x45, 0x4c, 0x46];

/** Machine numbers in ELF headers. */
const ELF_MACHINES: Readonly<Record<typeof Deno.build.arch, number>> = { x86_64: 62, aarch64: 183 };
/** Sizes of an ELF file's header and of an entry of its segment table (64 bits). */
const ELF_HEADER_BYTES = 64;
const ELF_SEGMENT_BYTES = 56;

/** Number of bytes in which the kernel looks for a script's interpreter. */
const FIRST_LINE_BYTES = 256;

/**
 * Tells programs from other files. Caches the programs that it has found, so that an unchanged one
 * is read only once.
 */
export class Programs {
  /** Device, inode, size and times of the program that was found at each path. */
  readonly #known = new Map<string, string>();

  /**
   * Returns `true` if the file at a path can be started, as far as its mode and kind say. Returns
   * `false` for a path such as `/proc/self/exe`, which is a different file in each process.
   */
  has(path: string): boolean {
    try {
      const { isFile, mode, dev, ino, size, mtime, ctime } = Deno.statSync(path);
      if (!isFile || ((mode ?? 0) & 0o111) === 0) return false;
      const file = [dev, ino, size, mtime?.getTime(), ctime?.getTime()].join(" ");
      if (this.#known.get(path) === file) return true;
      if (OrdinaryPaths.at("/")?.resolve(path) === undefined) return false;
      if (!beginsAsProgram(path, size)) return false;
      this.#known.set(path, file);
      return true;
    } catch (error) {
      if (isAbsent(error) || error instanceof Deno.errors.PermissionDenied) return false;
      throw error;
    }
  }
}

function beginsAsProgram(path: string, size: number): boolean {
  using file = openRegularFile(path);
  const buffer = new Uint8Array(FIRST_LINE_BYTES);
  const first = buffer.subarray(0, file.readSync(buffer) ?? 0);
  const begins = (bytes: readonly number[]): boolean =>
    bytes.every((byte, index) => first[index] === byte);
  if (begins(ELF)) return isElfProgram(first, size);
  // The kernel does not accept a script without an interpreter.
  const isScript = /^#![ \t]*[^ \t\n]/.test(new TextDecoder().decode(first));
  return isScript || MACH_O.some(begins);
}

/**
 * Returns `true` if the kernel would accept a file with these first bytes as a program for this
 * machine.
 */
function isElfProgram(first: Uint8Array, size: number): boolean {
  if (first.length < ELF_HEADER_BYTES) return false;
  const view = new DataView(first.buffer, first.byteOffset);
  const [is64, isLittleEndian] = [view.getUint8(4) === 2, view.getUint8(5) === 1];
  if (!is64 || !isLittleEndian) return false;
  const [kind, machine] = [view.getUint16(16, true), view.getUint16(18, true)];
  const segments = Number(view.getBigUint64(32, true));
  const [segmentBytes, count] = [view.getUint16(54, true), view.getUint16(56, true)];
  return (kind === 2 || kind === 3) && machine === ELF_MACHINES[Deno.build.arch] &&
    segmentBytes === ELF_SEGMENT_BYTES && count > 0 && segments + count * segmentBytes <= size;
}

/** Returns the user agent that `deno task` gives to programs, in npm's format. */
export function platformAgent(): string {
  const { os, arch } = Deno.build;
  const { deno } = Deno.version;
  return `deno/${deno} npm/? deno/${deno} ${os} ${arch}`;
}
