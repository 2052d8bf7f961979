/**
 * Reader for HTTP/1 messages on a byte stream: heads, header fields and bodies, within size limits.
 *
 * @module
 */

import type { ByteStream } from "../system/net/streams.ts";

/** A failure that is reported with an HTTP status other than 200. */
export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly status: number;

  /** @param message the reason, which is sent to the client */
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Start line and header fields of a message. */
export interface HttpHead {
  /** The three words of the start line. */
  readonly start: readonly [string, string, string];
  /** Header fields by lower-case name. */
  readonly fields: ReadonlyMap<string, string>;
}

/** Maximum size of a head, in bytes. */
const MAX_HEAD_BYTES = 16 * 1024;
const READ_BYTES = 16 * 1024;
const END_OF_HEAD = [13, 10, 13, 10];
const FIELD = /^([!#$%&'*+\-.^_`|~\w]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/;

/** Reads HTTP messages from a stream. */
export class HttpReader {
  readonly #stream: ByteStream;
  readonly #chunk = new Uint8Array(READ_BYTES);
  /** Bytes that were received but not consumed yet. */
  #pending: Uint8Array = new Uint8Array(0);

  /** @param stream the caller closes it */
  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  /** Waits for the first bytes of a message. Resolves to `false` if the stream has ended. */
  async begins(): Promise<boolean> {
    return this.#pending.length > 0 || await this.#more();
  }

  /**
   * Reads a head.
   *
   * @throws {HttpError} if the head is malformed, too long or incomplete
   */
  async head(): Promise<HttpHead> {
    let from = 0;
    while (true) {
      const end = endOfHead(this.#pending, from);
      if (end > MAX_HEAD_BYTES || (end < 0 && this.#pending.length > MAX_HEAD_BYTES)) {
        throw new HttpError(431, `the head is longer than ${MAX_HEAD_BYTES} bytes`);
      }
      if (end >= 0) return parseHead(latin1(this.#take(end)));
      // The pending bytes may end with a part of the terminator.
      from = Math.max(0, this.#pending.length - END_OF_HEAD.length + 1);
      if (!await this.#more()) throw new HttpError(400, "the head is incomplete");
    }
  }

  /**
   * Reads a body of a known length.
   *
   * @throws {HttpError} if the stream ends too early
   */
  async body(length: number): Promise<Uint8Array> {
    const body = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const piece = this.#take(Math.min(length - filled, this.#pending.length));
      body.set(piece, filled);
      filled += piece.length;
      if (filled < length && !await this.#more()) {
        throw new HttpError(400, "the body is shorter than its Content-Length");
      }
    }
    return body;
  }

  #take(count: number): Uint8Array {
    const taken = this.#pending.subarray(0, count);
    this.#pending = this.#pending.subarray(count);
    return taken;
  }

  async #more(): Promise<boolean> {
    const count = await this.#stream.read(this.#chunk);
    if (count === null) return false;
    const joined = new Uint8Array(this.#pending.length + count);
    joined.set(this.#pending);
    joined.set(this.#chunk.subarray(0, count), this.#pending.length);
    this.#pending = joined;
    return true;
  }
}

/** Returns the offset after the empty line that ends a head, or -1 if it has not arrived yet. */
function endOfHead(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(13, from); at >= 0; at = bytes.indexOf(13, at + 1)) {
    if (END_OF_HEAD.every((byte, offset) => bytes[at + offset] === byte)) {
      return at + END_OF_HEAD.length;
    }
  }
  return -1;
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function parseHead(text: string): HttpHead {
  const [start = "", ...lines] = text.slice(0, -END_OF_HEAD.length).split("\r\n");
  const words = /^([\x21-\x7e]+) ([\x21-\x7e]+)(?: ([\x20-\x7e]*))?$/.exec(start);
  if (words === null) throw new HttpError(400, "the first line is not valid HTTP/1");
  const fields = new Map<string, string>();
  for (const line of lines) {
    const field = FIELD.exec(line);
    if (field === null) throw new HttpError(400, "a header field is not well-formed");
    const name = (field[1] ?? "").toLowerCase();
    // A repeated field for the framing or the sender is ambiguous: two parsers could read it
    // differently.
    if (fields.has(name) && UNIQUE.has(name)) throw new HttpError(400, `${name} occurs twice`);
    fields.set(name, field[2] ?? "");
  }
  return { start: [words[1] ?? "", words[2] ?? "", words[3] ?? ""], fields };
}

const UNIQUE: ReadonlySet<string> = new Set([
  "content-length",
  "transfer-encoding",
  "content-type",
  "host",
  "bitbake-token",
  "simmer-token",
]);

/**
 * Returns the length of a body according to its head.
 *
 * @returns `undefined` if the head has no Content-Length
 * @throws {HttpError} if the length is missing because of a Transfer-Encoding, is not a number, or
 *   exceeds `maxBytes`
 */
export function bodyLength({ fields }: HttpHead, maxBytes: number): number | undefined {
  if (fields.has("transfer-encoding")) throw new HttpError(411, "a Content-Length is required");
  const text = fields.get("content-length");
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new HttpError(400, "the Content-Length is not a number");
  if (Number(text) > maxBytes) {
    throw new HttpError(413, `the body is longer than ${maxBytes} bytes`);
  }
  return Number(text);
}
