/**
 * JSON-RPC 2.0 messages: what a line on the wire means.
 *
 * Lines come from {@linkcode FrameDecoder}; what is here says whether one is a request, a response
 * or a notification, or which error answers it.
 *
 * @module
 */

import { type ErrorObject, WireError } from "./errors.ts";

/** What ties a response to its request. */
export type MessageId = number | string;

/** A message that wants a response. */
export interface Request {
  /** The protocol. */
  readonly jsonrpc: "2.0";
  /** What ties request and response together. */
  readonly id: MessageId;
  /** What is asked for or told. */
  readonly method: string;
  /** An object or an array. */
  readonly params?: unknown;
}

/** A message that wants none. */
export interface Notification {
  /** The protocol. */
  readonly jsonrpc: "2.0";
  /** What is asked for or told. */
  readonly method: string;
  /** An object or an array. */
  readonly params?: unknown;
}

/** What a request led to. */
export interface SuccessResponse {
  /** The protocol. */
  readonly jsonrpc: "2.0";
  /** What ties request and response together. */
  readonly id: MessageId;
  /** What it led to; `null` where there is nothing to say. */
  readonly result: unknown;
}

/** Why a request led to nothing; `id` is `null` where the request could not be read. */
export interface ErrorResponse {
  /** The protocol. */
  readonly jsonrpc: "2.0";
  /** What ties request and response together. */
  readonly id: MessageId | null;
  /** Why it led to nothing. */
  readonly error: ErrorObject;
}

/** Either response. */
export type Response = SuccessResponse | ErrorResponse;

/** Any message. */
export type Message = Request | Notification | Response;

/** Makes a request. */
export function request(id: MessageId, method: string, params?: unknown): Request {
  return params === undefined
    ? { jsonrpc: "2.0", id, method }
    : { jsonrpc: "2.0", id, method, params };
}

/** Makes a notification. */
export function notification(method: string, params?: unknown): Notification {
  return params === undefined ? { jsonrpc: "2.0", method } : { jsonrpc: "2.0", method, params };
}

/** Makes the response to a request that succeeded; `undefined` travels as `null`. */
export function success(id: MessageId, result: unknown): SuccessResponse {
  return { jsonrpc: "2.0", id, result: result === undefined ? null : result };
}

/** Makes the response to a request that failed. */
export function failure(id: MessageId | null, error: WireError): ErrorResponse {
  return { jsonrpc: "2.0", id, error: error.toObject() };
}

/** Whether a message is a request. */
export function isRequest(message: Message): message is Request {
  return "method" in message && "id" in message;
}

/** Whether a message is a notification. */
export function isNotification(message: Message): message is Notification {
  return "method" in message && !("id" in message);
}

/** Whether a message is a response. */
export function isResponse(message: Message): message is Response {
  return !("method" in message);
}

/**
 * Reads one line as a message.
 *
 * @param text the line without its newline
 * @throws {WireError} `parseError` where it is not JSON, `invalidRequest` where it is JSON but no
 *   JSON-RPC 2.0 message (batches are not part of the protocol)
 */
export function parseMessage(text: string): Message {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new WireError("parseError", `The line is not JSON: ${(error as Error).message}`);
  }
  if (Array.isArray(value)) {
    throw new WireError("invalidRequest", "Batches are not supported: send one message a line");
  }
  if (typeof value !== "object" || value === null) {
    throw new WireError("invalidRequest", "A message is a JSON object");
  }
  const object = value as Record<string, unknown>;
  if (object.jsonrpc !== "2.0") {
    throw new WireError(
      "invalidRequest",
      'A message has the member "jsonrpc" with the value "2.0"',
    );
  }
  if ("method" in object) return readCall(object);
  return readResponse(object);
}

function readCall(object: Record<string, unknown>): Request | Notification {
  const { id, method, params } = object;
  if (typeof method !== "string") {
    throw new WireError("invalidRequest", 'The member "method" is a string');
  }
  if (params !== undefined && (typeof params !== "object" || params === null)) {
    throw new WireError("invalidRequest", 'The member "params" is an object or an array');
  }
  if (!("id" in object)) return notification(method, params);
  return request(readId(id), method, params);
}

function readResponse(object: Record<string, unknown>): Response {
  const { error } = object;
  if (error === undefined) {
    if (!("result" in object)) {
      throw new WireError(
        "invalidRequest",
        'A message has one of the members "method", "result" and "error"',
      );
    }
    return success(readId(object.id), object.result);
  }
  const { code, message, data } = (error ?? {}) as Record<string, unknown>;
  if (typeof code !== "number" || typeof message !== "string") {
    throw new WireError(
      "invalidRequest",
      'The member "error" has a numeric "code" and a "message"',
    );
  }
  const id = object.id === null ? null : readId(object.id);
  return failure(id, new WireError(code, message, data));
}

function readId(id: unknown): MessageId {
  if (typeof id === "string" || (typeof id === "number" && Number.isFinite(id))) return id;
  throw new WireError("invalidRequest", 'The member "id" is a number or a string');
}
