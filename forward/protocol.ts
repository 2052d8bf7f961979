/**
 * Frames of `execute`, the part of the protocol that carries a command line to a server, and its
 * output back. `docs/protocol.md` describes it for the authors of clients.
 *
 * A client loads this file on each run, so it imports nothing; `requests.ts` has the server's half.
 *
 * @module
 */

/** Number of this part of the protocol. */
export const EXECUTE_PROTOCOL = 1;

/** Types of frames, as characters of ASCII. */
export const FRAME = {
  /** Client: the command line and all that it depends on. */
  execute: 0x45, // E
  /** Server: nothing has begun; `go` lets it begin. */
  accepted: 0x41, // A
  /** Server: nothing has begun, and nothing will; the text is the reason. */
  refused: 0x52, // R
  /** Client: begin. Descriptors come with this frame. */
  go: 0x47, // G
  stdout: 0x31, // 1
  stderr: 0x32, // 2
  /** Server: exit code (1 byte), then the name of the signal that ended the command, if one did. */
  exit: 0x58, // X
  /** Client: the name of a signal. */
  signal: 0x53, // S
  /** Client: columns and rows of the terminal, as text. */
  size: 0x57, // W
  /** Client: the terminal is gone. */
  hangup: 0x48, // H
} as const;

/** Bytes of a frame's head: the type, and the length of the payload, big-endian. */
export const HEAD_BYTES = 5;

/** Bytes of the largest payload, but for that of `execute`. */
export const MAX_PAYLOAD_BYTES: number = 1024 * 1024;

/** Which of a process's streams are terminals. */
export interface TerminalStreams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** A command line on its way to a server. */
export interface CommandLine {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Working directory, absolute. */
  readonly cwd: string;
  readonly terminal: TerminalStreams;
}

/** Payload of {@linkcode FRAME.execute}. */
export interface ExecuteRequest extends CommandLine {
  /** simmer's version; empty: any. A server of another version refuses. */
  readonly version: string;
  readonly pid: number;
  /** The kernel's names of the client's namespaces, or empty; a server in other ones refuses. */
  readonly namespaces: string;
  /** Characters in a line of the terminal; 0: unknown. */
  readonly columns: number;
  /** Lines of the terminal; 0: unknown. */
  readonly rows: number;
  /** Numbers of the descriptors that come with `go`, in their order. */
  readonly passed: readonly number[];
}

const encoder = new TextEncoder();

/** Makes a frame. */
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

/** Makes the frame of a request: fields that NULs separate, as no word and no variable has one. */
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

/** A frame that has come in. */
export interface IncomingFrame {
  readonly type: number;
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** A frame is longer than its type allows: nothing behind it can be read. */
export class FrameLengthError extends Error {
  /** The class name, as `Error.prototype.name` has it. */
  override readonly name = "FrameLengthError";
}

/** Takes bytes as they come, and gives whole frames. */
export class FrameReader {
  readonly #maxBytes: (type: number) => number;
  #held = new Uint8Array(0);

  /** @param maxBytes bytes of the largest payload of a type; default: {@linkcode MAX_PAYLOAD_BYTES} */
  constructor(maxBytes: (type: number) => number = () => MAX_PAYLOAD_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** Adds bytes, which are copied if they are not needed at once. */
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
   * Takes the next whole frame. Its payload holds until the bytes that were pushed last are written
   * over; before that, {@linkcode keep} copies what is left.
   *
   * @returns `undefined` if more bytes are needed
   * @throws {FrameLengthError} if it is longer than its type allows
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

  /** Copies what is left, so that the buffer it lies in can be used again. */
  keep(): void {
    this.#held = this.#held.slice();
  }
}
