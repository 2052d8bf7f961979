/**
 * Programs: files that the system can start.
 *
 * @module
 */

import { isAbsent, openRegularFile } from "../files/files.ts";
import { OrdinaryPaths } from "../files/ordinary_paths.ts";

/** The first bytes of what macOS starts. */
const MACH_O: readonly (readonly number[])[] = [
  [0xcf, 0xfa, 0xed, 0xfe],
  [0xca, 0xfe, 0xba, 0xbe],
];
const ELF: readonly number[] = [0x7f, 0x45, 0x4c, 0x46];

/** Machines as ELF numbers them. */
const ELF_MACHINES: Readonly<Record<typeof Deno.build.arch, number>> = { x86_64: 62, aarch64: 183 };
/** Bytes of an ELF file's header, and of an entry of its table of segments (64 bits). */
const ELF_HEADER_BYTES = 64;
const ELF_SEGMENT_BYTES = 56;

/** Bytes of which the kernel looks for a script's interpreter. */
const FIRST_LINE_BYTES = 256;

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
  // What names no interpreter is no script to the kernel.
  const isScript = /^#![ \t]*[^ \t\n]/.test(new TextDecoder().decode(first));
  return isScript || MACH_O.some(begins);
}

/** Whether the kernel would take a file with that beginning for a program of this machine. */
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

/** What `deno task` tells programs of itself, as npm does. */
export function platformAgent(): string {
  const { os, arch } = Deno.build;
  const { deno } = Deno.version;
  return `deno/${deno} npm/? deno/${deno} ${os} ${arch}`;
}
