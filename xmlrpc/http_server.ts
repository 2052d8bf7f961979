/**
 * HTTP server side of XML-RPC: serves the POST requests of one connection, one after the other.
 *
 * @module
 */

import type { Clock } from "../system/clock.ts";
import { type ByteStream, isDisconnect, writeAll } from "../system/net/streams.ts";
import { isLoopback, parseAddress } from "../wire/address.ts";
import { decodeCall, type XmlRpcCall } from "./decoder.ts";
import { bodyLength, HttpError, type HttpHead, HttpReader } from "./http_message.ts";
import { XmlRpcSyntaxError } from "./xml.ts";

/** Limits of a connection. */
export interface HttpLimits {
  /** Maximum size of a body, in bytes; default: 1 MiB. */
  readonly maxBodyBytes?: number;
  /**
   * Timeout for receiving a request, and for sending its response, in milliseconds; default: 10 s.
   */
  readonly requestMs?: number;
  /** Number of requests after which the connection is closed; default: unlimited. */
  readonly maxRequests?: number;
}

export interface HttpRequest {
  readonly fields: ReadonlyMap<string, string>;
  readonly body: string;
}

/**
 * Decodes the call in a request.
 *
 * @throws {HttpError} 400 if the body is not a call
 */
export function callOf({ body }: HttpRequest): XmlRpcCall {
  try {
    return decodeCall(body);
  } catch (error) {
    if (!(error instanceof XmlRpcSyntaxError)) throw error;
    throw new HttpError(400, `the body is not an XML-RPC call: ${error.message}`);
  }
}

/** Context in which a connection is served. */
interface HttpServing {
  readonly clock: Clock;
  readonly limits: HttpLimits;
  /**
   * Refuses requests whose Host is not a name of this machine. Otherwise a web page could reach the
   * server under another name.
   */
  readonly isLocal: boolean;
  /**
   * Responds with the text of an XML document. An `HttpError` that it throws is sent with its
   * status.
   */
  readonly answer: (request: HttpRequest) => Promise<string>;
  /** Once aborted, the connection is closed as soon as no request is in progress. */
  readonly ending: AbortSignal;
}

const MAX_BODY_BYTES = 1024 * 1024;
const REQUEST_MS = 10_000;
/** Limits for draining a refused request, in milliseconds and bytes. */
const LINGER_MS = 1000;
const LINGER_BYTES = 16 * 1024 * 1024;
const PATHS: ReadonlySet<string> = new Set(["/", "/RPC2"]);

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  411: "Length Required",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  431: "Request Header Fields Too Large",
  503: "Service Unavailable",
  505: "HTTP Version Not Supported",
};

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Serves a connection until it ends, then closes it.
 *
 * @throws {Error} any failure of the stream or of `answer`, except a disconnect
 */
export async function serveHttp(stream: ByteStream, serving: HttpServing): Promise<void> {
  const connection = new HttpConnection(stream, serving);
  try {
    while (await connection.next());
  } catch (error) {
    if (!isDisconnect(error)) throw error;
  } finally {
    stream.close();
  }
}

class HttpConnection {
  readonly #stream: ByteStream;
  readonly #serving: HttpServing;
  readonly #reader: HttpReader;
  /** Part of a request has arrived, and the request has no response yet. */
  #hasBegun = false;
  #answered = 0;

  constructor(stream: ByteStream, serving: HttpServing) {
    this.#stream = stream;
    this.#serving = serving;
    this.#reader = new HttpReader(stream);
  }

  /** Serves one request. Returns true if another one may follow. */
  async next(): Promise<boolean> {
    try {
      const request = await this.#inTime(() => this.#read());
      if (request === undefined) return false;
      const { answer, ending, limits: { maxRequests = Infinity } } = this.#serving;
      const text = await answer(request);
      const isLast = request.isLast || ending.aborted || ++this.#answered >= maxRequests;
      await this.#inTime(() => this.#respond(200, text, isLast));
      this.#hasBegun = false;
      return !isLast;
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      await this.#inTime(() => this.#respond(error.status, `${error.message}\n`, true));
      await this.#linger();
      return false;
    }
  }

  async #read(): Promise<HttpRequest & { readonly isLast: boolean } | undefined> {
    if (!await this.#begins()) return undefined;
    this.#hasBegun = true;
    const head = await this.#reader.head();
    const { maxBodyBytes = MAX_BODY_BYTES } = this.#serving.limits;
    checkHead(head, this.#serving.isLocal);
    const length = bodyLength(head, maxBodyBytes);
    if (length === undefined) throw new HttpError(411, "a Content-Length is required");
    if (head.fields.get("expect")?.toLowerCase() === "100-continue") {
      await writeAll(this.#stream, encoder.encode("HTTP/1.1 100 Continue\r\n\r\n"));
    }
    const body = textOf(await this.#reader.body(length));
    return { fields: head.fields, body, isLast: isLast(head) };
  }

  /** Waits for a request. The connection may be closed at any time before the request begins. */
  async #begins(): Promise<boolean> {
    const { ending } = this.#serving;
    if (ending.aborted) return false;
    const close = (): void => this.#stream.close();
    ending.addEventListener("abort", close);
    try {
      return await this.#reader.begins();
    } finally {
      ending.removeEventListener("abort", close);
    }
  }

  async #respond(status: number, text: string, isLast: boolean): Promise<void> {
    const length = encoder.encode(text).length;
    const head = [
      `HTTP/1.1 ${status} ${REASONS[status] ?? ""}`,
      `Content-Type: ${status === 200 ? "text/xml" : "text/plain; charset=utf-8"}`,
      `Content-Length: ${length}`,
      ...(status === 405 ? ["Allow: POST"] : []),
      `Connection: ${isLast ? "close" : "keep-alive"}`,
      "\r\n",
    ];
    // One write for both: otherwise the body would wait for the head's acknowledgement.
    await writeAll(this.#stream, encoder.encode(`${head.join("\r\n")}${text}`));
  }

  /**
   * Applies the request timeout. A client that is too slow is sent status 408, if it still reads,
   * and the connection is closed.
   */
  async #inTime<T>(work: () => Promise<T>): Promise<T> {
    const { clock, limits } = this.#serving;
    const done = new AbortController();
    const closed = clock.sleep(limits.requestMs ?? REQUEST_MS, done.signal).then(async () => {
      if (done.signal.aborted) return;
      try {
        // Without a request, the client would take the 408 for the response to its next one.
        if (this.#hasBegun) await this.#tellLate();
      } finally {
        this.#stream.close();
      }
    });
    const [result] = await Promise.all([work().finally(() => done.abort()), closed]);
    return result;
  }

  async #tellLate(): Promise<void> {
    const line = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    const told = this.#stream.write(encoder.encode(line)).catch((error: unknown) => {
      if (!isDisconnect(error)) throw error;
    });
    // The line fits into the socket buffer of any client that reads at all. Other clients are not
    // waited for.
    const patience = new AbortController();
    await Promise.race([told, this.#serving.clock.sleep(0, patience.signal)]);
    patience.abort();
  }

  /**
   * Drains a refused request before closing. Closing with unread bytes would discard the response
   * before the client can read it.
   */
  async #linger(): Promise<void> {
    const gone = new AbortController();
    const close = this.#serving.clock.sleep(LINGER_MS, gone.signal).then(() =>
      this.#stream.close()
    );
    const buffer = new Uint8Array(64 * 1024);
    try {
      for (let rest = LINGER_BYTES; rest > 0;) {
        const count = await this.#stream.read(buffer);
        if (count === null) break;
        rest -= count;
      }
    } finally {
      gone.abort();
      await close;
    }
  }
}

/** @throws {HttpError} if the head alone shows that the request must be refused */
function checkHead({ start: [method, path, version], fields }: HttpHead, isLocal: boolean): void {
  if (!/^HTTP\/1\.[01]$/.test(version)) {
    throw new HttpError(505, "only HTTP/1.0 and HTTP/1.1 are supported");
  }
  if (method !== "POST") throw new HttpError(405, "XML-RPC requires POST");
  if (!PATHS.has(path)) throw new HttpError(404, "XML-RPC is served at / and /RPC2");
  // A web page can make a browser send requests, but never without an Origin.
  if (fields.has("origin")) throw new HttpError(403, "requests of web pages are refused");
  const host = fields.get("host");
  if (isLocal && host !== undefined && !isLocalName(host)) {
    throw new HttpError(403, "this server accepts only requests of its own machine");
  }
  const type = fields.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
  if (type !== "text/xml" && type !== "application/xml") {
    throw new HttpError(415, "the Content-Type must be text/xml");
  }
  const encoding = fields.get("content-encoding")?.toLowerCase() ?? "identity";
  if (encoding !== "identity") throw new HttpError(415, "compressed bodies are not supported");
}

function isLocalName(host: string): boolean {
  const address = parseAddress(host) ?? parseAddress(`${host}:0`);
  return address !== undefined && isLoopback(address.host);
}

function isLast({ start: [, , version], fields }: HttpHead): boolean {
  const connection = fields.get("connection")?.toLowerCase() ?? "";
  return version === "HTTP/1.0" ? !connection.includes("keep-alive") : connection.includes("close");
}

function textOf(body: Uint8Array): string {
  try {
    return decoder.decode(body);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new HttpError(400, "the body is not UTF-8");
  }
}
