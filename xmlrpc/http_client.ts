/**
 * HTTP client for XML-RPC: calls other XML-RPC servers, with one connection for each call.
 *
 * @module
 */

import { type ByteStream, isDisconnect, writeAll } from "../system/net/streams.ts";
import { formatAddress, type TcpAddress } from "../wire/address.ts";
import { decodeResponse } from "./decoder.ts";
import { encodeCall } from "./encoder.ts";
import { bodyLength, HttpError, HttpReader } from "./http_message.ts";
import type { XmlRpcValue } from "./values.ts";

/** A call to another XML-RPC server. */
export interface OutgoingCall {
  readonly method: string;
  readonly params: readonly XmlRpcValue[];
}

/** Thrown when a call gets no valid HTTP response. */
export class XmlRpcCallError extends Error {
  override readonly name = "XmlRpcCallError";
}

/** Maximum size of a response body, in bytes. */
const MAX_ANSWER_BYTES = 1024 * 1024;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Makes a call over a connection, then closes it.
 *
 * @param fields additional header fields
 * @returns the result
 * @throws {XmlRpcFault} if the server responds with a fault
 * @throws {XmlRpcCallError} if there is no response, or if it is not valid HTTP with status 200
 * @throws {XmlRpcSyntaxError} if the body is not an XML-RPC response
 */
export async function callOver(
  stream: ByteStream,
  address: TcpAddress,
  { method, params }: OutgoingCall,
  fields: Readonly<Record<string, string>> = {},
): Promise<XmlRpcValue> {
  try {
    const body = encodeCall(method, params);
    const head = [
      "POST / HTTP/1.0",
      `Host: ${formatAddress(address)}`,
      "Content-Type: text/xml",
      `Content-Length: ${encoder.encode(body).length}`,
      ...Object.entries(fields).map(([name, value]) => `${name}: ${value}`),
      "\r\n",
    ].join("\r\n");
    await writeAll(stream, encoder.encode(head + body));
    return await readAnswer(new HttpReader(stream));
  } catch (error) {
    if (!isDisconnect(error)) throw error;
    throw new XmlRpcCallError("the connection was closed", { cause: error });
  } finally {
    stream.close();
  }
}

async function readAnswer(reader: HttpReader): Promise<XmlRpcValue> {
  let body: Uint8Array;
  try {
    const head = await reader.head();
    const [, status] = head.start;
    if (status !== "200") throw new XmlRpcCallError(`the answer is HTTP status ${status}`);
    const length = bodyLength(head, MAX_ANSWER_BYTES);
    if (length === undefined) throw new XmlRpcCallError("the answer has no Content-Length");
    body = await reader.body(length);
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    throw new XmlRpcCallError(error.message, { cause: error });
  }
  return decodeResponse(decoder.decode(body));
}
