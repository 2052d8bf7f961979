/**
 * A pipe of this process whose writing end is written at once: what was written is in the pipe
 * when the call returns, whatever becomes of this process then. Linux only.
 *
 * @module
 */

import { linkLibc } from "../libc.ts";

const SYMBOLS = {
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const O_CLOEXEC = 0o2000000;

const encoder = new TextEncoder();

/** A pipe. */
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
   * Makes a pipe.
   *
   * @returns `undefined` on other platforms than Linux, and where there are no descriptors left
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

  /** Where another process of this user opens the end that is read, while this one lives. */
  get path(): string {
    return `/proc/${Deno.pid}/fd/${this.#ends[0]}`;
  }

  /** Writes a line; waits where the pipe is full. */
  write(line: string): void {
    const bytes = encoder.encode(line);
    for (let at = 0; at < bytes.length && !this.#isClosed;) {
      const count = Number(
        this.#library.symbols.write(this.#ends[1], bytes.subarray(at), BigInt(bytes.length - at)),
      );
      if (count < 0) return;
      at += count;
    }
  }

  /** Closes both ends: whoever reads comes to the end. Safe to call twice. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const end of this.#ends) this.#library.symbols.close(end);
    this.#library.close();
  }

  /** As `close`. */
  [Symbol.dispose](): void {
    this.close();
  }
}
