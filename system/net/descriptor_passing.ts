/**
 * Passes descriptors between processes over a Unix socket (`SCM_RIGHTS`, Linux only).
 *
 * The structures are those of 64-bit Linux, which are the same on x86_64 and aarch64.
 *
 * @module
 */

const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_CMSG_CLOEXEC = 0x40000000;
const MSG_DONTWAIT = 0x40;
const MSG_CTRUNC = 0x8;
const MSG_NOSIGNAL = 0x4000;
const O_CLOEXEC = 0o2000000;
const POLLIN = 1;
const HEADER_BYTES = 16;
const MESSAGE_BYTES = 56;
const DATA_BYTES = 256;
const MAX_DESCRIPTORS = 64;
const F_DUPFD_CLOEXEC = 1030;
const CONTROL_BYTES = HEADER_BYTES + MAX_DESCRIPTORS * 4;

const SYMBOLS = {
  recvmsg: { parameters: ["i32", "buffer", "i32"], result: "isize" },
  sendmsg: { parameters: ["i32", "buffer", "i32"], result: "isize" },
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  poll: { parameters: ["buffer", "u64", "i32"], result: "i32", nonblocking: true },
} as const satisfies Deno.ForeignLibraryInterface;

/** A message with descriptors. */
interface ReceivedDescriptors {
  /** The bytes of the message. */
  readonly data: Uint8Array<ArrayBuffer>;
  /** The descriptors. The receiver owns them and must close them. */
  readonly descriptors: readonly number[];
}

/** Sends and receives descriptors. */
export class DescriptorPassing implements Disposable {
  readonly #library: Deno.DynamicLibrary<typeof SYMBOLS>;

  private constructor(library: Deno.DynamicLibrary<typeof SYMBOLS>) {
    this.#library = library;
  }

  /**
   * Links the system calls.
   *
   * @throws {Deno.errors.NotSupported} on platforms other than Linux
   */
  static open(): DescriptorPassing {
    if (Deno.build.os !== "linux") {
      throw new Deno.errors.NotSupported("Descriptors are only passed on Linux");
    }
    return new DescriptorPassing(Deno.dlopen("libc.so.6", SYMBOLS));
  }

  /**
   * Receives bytes with descriptors.
   *
   * @param socket the socket's descriptor; no other code may read from it meanwhile
   * @param patienceMs timeout in milliseconds for the peer
   * @returns `undefined` if the peer closes the socket, sends nothing in time, or sends more than
   *   fits; no descriptor is left open then
   */
  async receive(socket: number, patienceMs: number): Promise<ReceivedDescriptors | undefined> {
    return await this.#poll(socket, patienceMs) === 0 ? undefined : this.take(socket);
  }

  /** Returns `true` if bytes can be read from a descriptor now. */
  async isReadable(descriptor: number): Promise<boolean> {
    return (await this.#poll(descriptor, 0) & POLLIN) !== 0;
  }

  /**
   * Waits for input or for the end of the input.
   *
   * @returns the events of the descriptor as flags; 0 if the timeout passes
   */
  async #poll(descriptor: number, patienceMs: number): Promise<number> {
    const wanted = new Uint8Array(8);
    const view = new DataView(wanted.buffer);
    view.setInt32(0, descriptor, true);
    view.setInt16(4, POLLIN, true);
    const count = await this.#library.symbols.poll(wanted, 1n, patienceMs);
    // Read the result here. This keeps the array alive for as long as the call writes into it.
    const happened = view.getInt16(6, true);
    return count === 1 ? happened : 0;
  }

  /**
   * Receives a message without waiting.
   *
   * @returns as {@linkcode receive}; also `undefined` if no message has arrived
   */
  take(socket: number): ReceivedDescriptors | undefined {
    const message = new Message(new Uint8Array(DATA_BYTES), new Uint8Array(CONTROL_BYTES));
    const flags = MSG_CMSG_CLOEXEC | MSG_DONTWAIT;
    const count = Number(this.#library.symbols.recvmsg(socket, message.bytes, flags));
    const descriptors = count < 0 ? [] : message.descriptors();
    if (count > 0 && (message.flags & MSG_CTRUNC) === 0) {
      return { data: message.data.slice(0, count), descriptors };
    }
    this.closeAll(descriptors);
    return undefined;
  }

  /**
   * Sends bytes with descriptors. The descriptors stay open in this process.
   *
   * @returns `true` if all bytes were sent
   */
  send(socket: number, data: Uint8Array<ArrayBuffer>, descriptors: readonly number[]): boolean {
    const control = new Uint8Array(HEADER_BYTES + descriptors.length * 4);
    const view = new DataView(control.buffer);
    view.setBigUint64(0, BigInt(control.length), true);
    view.setInt32(8, SOL_SOCKET, true);
    view.setInt32(12, SCM_RIGHTS, true);
    descriptors.forEach((each, at) => view.setInt32(HEADER_BYTES + at * 4, each, true));
    const message = new Message(data, padded(control));
    return Number(this.#library.symbols.sendmsg(socket, message.bytes, MSG_NOSIGNAL)) ===
      data.length;
  }

  /**
   * Creates a pipe that started programs do not inherit.
   *
   * @throws {Error} if descriptors are used up
   */
  pipe(): { readonly read: number; readonly write: number } {
    const ends = new Int32Array(2);
    if (this.#library.symbols.pipe2(new Uint8Array(ends.buffer), O_CLOEXEC) !== 0) {
      throw new Error("Cannot make a pipe: no descriptors are left");
    }
    return { read: ends[0] ?? -1, write: ends[1] ?? -1 };
  }

  /**
   * Moves descriptors to numbers of at least `least`. The old numbers are closed.
   *
   * @returns the new numbers; `undefined` if there are not enough, in which case all are closed
   */
  renumber(descriptors: readonly number[], least: number): number[] | undefined {
    const { fcntl } = this.#library.symbols;
    const moved = descriptors.map((each) => fcntl(each, F_DUPFD_CLOEXEC, least));
    this.closeAll(descriptors);
    if (moved.every((each) => each >= 0)) return moved;
    this.closeAll(moved.filter((each) => each >= 0));
    return undefined;
  }

  /** Closes descriptors. */
  closeAll(descriptors: readonly number[]): void {
    for (const descriptor of descriptors) this.#library.symbols.close(descriptor);
  }

  /** Closes the library. No call may be waiting. */
  [Symbol.dispose](): void {
    this.#library.close();
  }
}

/**
 * A `struct msghdr` with one piece of data. Its fields hold references to the memory that the
 * structure points to, so that it is not garbage collected.
 */
class Message {
  readonly bytes = new Uint8Array(MESSAGE_BYTES);
  readonly data: Uint8Array<ArrayBuffer>;
  readonly #control: Uint8Array<ArrayBuffer>;
  readonly #vector = new BigUint64Array(2);

  constructor(data: Uint8Array<ArrayBuffer>, control: Uint8Array<ArrayBuffer>) {
    this.data = data;
    this.#control = control;
    this.#vector[0] = addressOf(data);
    this.#vector[1] = BigInt(data.length);
    const view = new DataView(this.bytes.buffer);
    view.setBigUint64(16, addressOf(this.#vector), true);
    view.setBigUint64(24, 1n, true);
    view.setBigUint64(32, addressOf(control), true);
    view.setBigUint64(40, BigInt(control.length), true);
  }

  get flags(): number {
    return new DataView(this.bytes.buffer).getInt32(48, true);
  }

  /** Returns the descriptors of all control messages. */
  descriptors(): number[] {
    const length = Number(new DataView(this.bytes.buffer).getBigUint64(40, true));
    const view = new DataView(this.#control.buffer);
    const found: number[] = [];
    for (let offset = 0; offset + HEADER_BYTES <= length;) {
      const size = Number(view.getBigUint64(offset, true));
      if (size < HEADER_BYTES || offset + size > length) break;
      const isRights = view.getInt32(offset + 8, true) === SOL_SOCKET &&
        view.getInt32(offset + 12, true) === SCM_RIGHTS;
      for (let at = offset + HEADER_BYTES; isRights && at + 4 <= offset + size; at += 4) {
        found.push(view.getInt32(at, true));
      }
      offset += Math.ceil(size / 8) * 8;
    }
    return found;
  }
}

function addressOf(buffer: Uint8Array<ArrayBuffer> | BigUint64Array<ArrayBuffer>): bigint {
  return BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(buffer)));
}

/**
 * Pads control data to whole words, as the kernel requires. The length inside the data is
 * unchanged.
 */
function padded(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(Math.ceil(bytes.length / 8) * 8);
  whole.set(bytes);
  return whole;
}
