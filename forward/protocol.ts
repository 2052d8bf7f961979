/**
 * Frames of `execute`, the part of the protocol that sends a command line to a server, and its
 * output back. `docs/protocol.md` describes it for authors of clients.
 *
 * A client loads this file on each run, so it imports nothing. The server's half is in
 * `requests.ts`.
 *
 * @module
 */

/** Version of this part of the protocol. */
export const EXECUTE_PROTOCOL = 1;

/** Types of frames, as ASCII characters. */
export const FRAME = {
  /** Client: the command line, its environment and its terminal. */
  execute: 0x45, // E
  /** Server: the request is accepted, but nothing has begun. It begins after `go`. */
  accepted: 0x41, // A
  /** Server: the request is refused, and nothing has begun. The text is the reason. */
  refused: 0x52, // R
  /** Client: begin. Passed descriptors come with this frame. */
  go: 0x47, // G
  stdout: 0x31, // 1
  stderr: 0x32, // 2
  /** Server: exit code (1 byte), then the name of the signal that ended the command, if any. */
  exit: 0x58, // X
  /** Client: name of a signal. */
  signal: 0x53, // S
  /** Client: columns and rows of the terminal, as text. */
  size: 0x57, // W
  /** Client: the terminal is gone. */
  hangup: 0x48, // H
  /** Server: "1": put the terminal into raw mode and send keys; "0": restore it. */
  keyboard: 0x54, // T
  /** Server: suspend yourself, as after SIGTSTP. */
  suspend: 0x5a, // Z
  /**
   * Server: text that restores the screen. Write it to stderr if the connection is lost, and before
   * you suspend or kill yourself. Empty: none is needed any more.
   */
  restoration: 0x55, // U
  /** Client: keys that were typed. */
  keys: 0x30, // 0
} as const;

/** Size of a frame's head, in bytes: the type, and the length of the payload, big-endian. */
export const HEAD_BYTES = 5;

/** Limit of a payload, in bytes. `execute` has its own limit. */
export const MAX_PAYLOAD_BYTES: number = 1024 * 1024;

/** Flags for those streams of a process that are terminals. */
export interface TerminalStreams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** A command line for a server. */
export interface CommandLine {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Working directory, absolute. */
  readonly cwd: string;
  readonly terminal: TerminalStreams;
}

/** Payload of {@linkcode FRAME.execute}. */
export interface ExecuteRequest extends CommandLine {
  /** simmer's version. A server of another version refuses. Empty: any version. */
  readonly version: string;
  readonly pid: number;
  /**
   * The kernel's names of the client's namespaces, or empty. A server in other namespaces refuses.
   */
  readonly namespaces: string;
  /** Columns of the terminal; 0: unknown. */
  readonly columns: number;
  /** Rows of the terminal; 0: unknown. */
  readonly rows: number;
  /** Numbers of the descriptors that come with `go`, in their order. */
  readonly passed: readonly number[];
}

const encoder = new TextEncoder();

/** Creates a frame. */
export function frame(type: number, payload: Uint8Array | string = ""): Uint8Array<ArrayBuffer> {
  const bytes = typeof payload === "string" ? encoder.encode(payload) : payload;
  const whole = new Uint8Array(HEAD_BYTES + bytes.length);
  putHead(whole, 0, type, bytes.length);
  whole.set(bytes, HEAD_BYTES);
  return whole;
}

/** Writes the head of a frame. */
export function putHead(to: Uint8Array, at: number, type: number, length: number): void {
  to[at] = type;
  new DataView(to.buffer, to.byteOffset).setUint32(at + 1, length);
}

/**
 * Creates the frame of a request. NUL separates its fields, because no argument and no variable can
 * contain it.
 */
export function executeFrame(request: ExecuteRequest): Uint8Array<ArrayBuffer> {
  const { version, pid, namespaces, cwd, columns, rows, terminal, passed, args, env } = request;
  const { stdin, stdout, stderr } = terminal;
  const fields = [
    EXECUTE_PROTOCOL,
    version,
    pid,
    namespaces,
    cwd,
    columns,
    rows,
    [stdin, stdout, stderr].map(Number).join(""),
    passed.join(","),
    args.length,
    ...args,
    ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
  ];
  return frame(FRAME.execute, fields.join("\0"));
}

/** A received frame. */
export interface IncomingFrame {
  readonly type: number;
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** A frame exceeds the limit of its type. The rest of the stream cannot be read. */
export class FrameLengthError extends Error {
  /** The class name, for `Error.prototype.toString`. */
  override readonly name = "FrameLengthError";
}

/** Splits received bytes into frames. */
export class FrameReader {
  readonly #maxBytes: (type: number) => number;
  #held = new Uint8Array(0);

  /** @param maxBytes limit of a type's payload, in bytes; default: {@linkcode MAX_PAYLOAD_BYTES} */
  constructor(maxBytes: (type: number) => number = () => MAX_PAYLOAD_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** Adds bytes. They are copied only if an incomplete frame is pending. */
  push(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#held.length === 0) {
      this.#held = bytes;
      return;
    }
    const all = new Uint8Array(this.#held.length + bytes.length);
    all.set(this.#held);
    all.set(bytes, this.#held.length);
    this.#held = all;
  }

  /**
   * Takes the next complete frame. Its payload is valid until the buffer of the last `push` is
   * overwritten. {@linkcode keep} copies the rest before that.
   *
   * @returns `undefined` if more bytes are needed
   * @throws {FrameLengthError} if the frame exceeds the limit of its type
   */
  next(): IncomingFrame | undefined {
    const [type = 0] = this.#held;
    if (this.#held.length < HEAD_BYTES) return undefined;
    const length = new DataView(this.#held.buffer, this.#held.byteOffset).getUint32(1);
    const max = this.#maxBytes(type);
    if (length > max) throw new FrameLengthError(`a frame of ${length} bytes is over ${max}`);
    const end = HEAD_BYTES + length;
    if (this.#held.length < end) return undefined;
    const payload = this.#held.subarray(HEAD_BYTES, end);
    this.#held = this.#held.subarray(end);
    return { type, payload };
  }

  /** Copies the unread bytes, so that their buffer can be reused. */
  keep(): void {
    this.#held = this.#held.slice();
  }
}
