/**
 * Defines byte streams, the common interface of socket connections and in-memory connections, and
 * creates the in-memory ones.
 *
 * @module
 */

/** A stream of bytes in both directions. */
export interface ByteStream {
  /** Reads the available bytes, at least one; `null` at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes some of the bytes and returns their number. */
  write(bytes: Uint8Array): Promise<number>;
  /** Closes both directions. A pending read ends. Safe to call twice. */
  close(): void;
}

/**
 * Writes all of the bytes.
 *
 * @throws {Error} the error of `write` if the peer has disconnected
 */
export async function writeAll(stream: ByteStream, bytes: Uint8Array): Promise<void> {
  let offset = 0;
  while (offset < bytes.length) offset += await stream.write(bytes.subarray(offset));
}

/** Returns `true` if a stream's error means that the peer or this process has closed it. */
export function isDisconnect(error: unknown): boolean {
  return error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.ConnectionAborted ||
    error instanceof Deno.errors.NotConnected ||
    error instanceof Deno.errors.BadResource ||
    error instanceof Deno.errors.Interrupted;
}

/** One direction of a {@linkcode memoryPair}. */
class Pipe {
  readonly #capacity: number;
  #pieces: Uint8Array[] = [];
  #held = 0;
  #isClosed = false;
  #readers: (() => void)[] = [];
  #writers: (() => void)[] = [];

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (this.#held === 0 && !this.#isClosed) {
      await new Promise<void>((resolve) => this.#readers.push(resolve));
    }
    const piece = this.#pieces.shift();
    if (piece === undefined) return null;
    const count = Math.min(piece.length, buffer.length);
    buffer.set(piece.subarray(0, count));
    if (count < piece.length) this.#pieces.unshift(piece.subarray(count));
    this.#held -= count;
    wakeAll(this.#writers);
    return count;
  }

  async write(bytes: Uint8Array): Promise<number> {
    while (this.#held >= this.#capacity && !this.#isClosed) {
      await new Promise<void>((resolve) => this.#writers.push(resolve));
    }
    if (this.#isClosed) throw new Deno.errors.BrokenPipe("The other end is closed");
    const count = Math.min(bytes.length, this.#capacity - this.#held);
    this.#pieces.push(bytes.slice(0, count));
    this.#held += count;
    wakeAll(this.#readers);
    return count;
  }

  close(): void {
    this.#isClosed = true;
    wakeAll(this.#readers);
    wakeAll(this.#writers);
  }
}

function wakeAll(waiting: (() => void)[]): void {
  for (const wake of waiting.splice(0)) wake();
}

function streamOver(incoming: Pipe, outgoing: Pipe): ByteStream {
  return {
    read: (buffer) => incoming.read(buffer),
    write: (bytes) => outgoing.write(bytes),
    close: () => {
      incoming.close();
      outgoing.close();
    },
  };
}

/**
 * Creates two connected streams in memory.
 *
 * @param capacity bytes that each direction buffers before a write waits, like a socket's buffer
 */
export function memoryPair(capacity = 64 * 1024): [ByteStream, ByteStream] {
  const there = new Pipe(capacity);
  const back = new Pipe(capacity);
  return [streamOver(back, there), streamOver(there, back)];
}
