/**
 * A pipe with synchronous writes (Linux only). The bytes are in the pipe when `write` returns, even
 * if this process is killed right afterwards. The warden gets its messages through such a pipe.
 *
 * @module
 */

import { ERRNO_SYMBOLS, errnoOf, linkLibc } from "../libc.ts";

const SYMBOLS = {
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
  ...ERRNO_SYMBOLS,
} as const satisfies Deno.ForeignLibraryInterface;

const O_CLOEXEC = 0o2000000;
const EINTR = 4;

const encoder = new TextEncoder();

/** A pipe whose read end another process opens by its path. */
export class WritePipe implements Disposable {
  readonly #library: Deno.DynamicLibrary<typeof SYMBOLS>;
  readonly #ends: readonly [number, number];
  #isClosed = false;

  private constructor(
    library: Deno.DynamicLibrary<typeof SYMBOLS>,
    ends: readonly [number, number],
  ) {
    this.#library = library;
    this.#ends = ends;
  }

  /**
   * Creates a pipe.
   *
   * @returns `undefined` on platforms other than Linux, and if descriptors are used up
   */
  static open(): WritePipe | undefined {
    const library = linkLibc(SYMBOLS);
    if (library === undefined) return undefined;
    const ends = new Int32Array(2);
    if (library.symbols.pipe2(ends, O_CLOEXEC) === 0) {
      return new WritePipe(library, [ends[0] ?? -1, ends[1] ?? -1]);
    }
    library.close();
    return undefined;
  }

  /**
   * The path by which another process of this user opens the read end. It is valid only while this
   * process lives.
   */
  get path(): string {
    return `/proc/${Deno.pid}/fd/${this.#ends[0]}`;
  }

  /** Writes a line. Blocks while the pipe is full. Drops the line if the pipe cannot be written. */
  write(line: string): void {
    const bytes = encoder.encode(line);
    for (let at = 0; at < bytes.length && !this.#isClosed;) {
      const count = Number(
        this.#library.symbols.write(this.#ends[1], bytes.subarray(at), BigInt(bytes.length - at)),
      );
      if (count >= 0) at += count;
      else if (errnoOf(this.#library.symbols) !== EINTR) return;
    }
  }

  /** Closes both ends, so that a reader reaches the end. Safe to call twice. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const end of this.#ends) this.#library.symbols.close(end);
    this.#library.close();
  }

  /** Calls `close`. */
  [Symbol.dispose](): void {
    this.close();
  }
}
