/**
 * This process's standard streams.
 *
 * @module
 */

/** One of the two streams that a program writes to. */
export type OutputStream = "stdout" | "stderr";

/** Where a program writes. */
export interface Output {
  /** Whether a stream is a terminal. */
  isTerminal(stream: OutputStream): boolean;
  /** The terminal's columns; `undefined` where neither stream is one. */
  columns(): number | undefined;
  /** Writes all of the bytes; resolves when the stream has taken them. */
  write(stream: OutputStream, bytes: Uint8Array): Promise<void>;
}

/** A stream's reader is gone: whoever writes ends quietly. */
export class OutputClosed extends Error {
  /** The class name, as `Error.prototype.name` has it. */
  override readonly name = "OutputClosed";
}

/** This process's own streams. */
export const standardOutput: Output = {
  isTerminal: (stream) => Deno[stream].isTerminal(),
  columns: () => {
    if (!Deno.stdout.isTerminal() && !Deno.stderr.isTerminal()) return undefined;
    return Deno.consoleSize().columns || undefined;
  },
  write: async (stream, bytes) => {
    let offset = 0;
    try {
      while (offset < bytes.length) offset += await Deno[stream].write(bytes.subarray(offset));
    } catch (error) {
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
      throw new OutputClosed(`Nobody reads ${stream} any more`, { cause: error });
    }
  },
};
