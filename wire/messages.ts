/**
 * JSON-RPC 2.0 messages: the meaning of a line on the wire.
 *
 * Lines come from {@linkcode FrameDecoder}. This module parses a line into a request, a response or
 * a notification, or into the error that answers it.
 *
 * @module
 */

import { type ErrorObject, WireError } from "./errors.ts";

/** Id that links a response to its request. */
export type MessageId = number | string;

/** A message that requires a response. */
export interface Request {
  /** Version of JSON-RPC. */
  readonly jsonrpc: "2.0";
  /** Id that links the response to this request. */
  readonly id: MessageId;
  /** Name of the method. */
  readonly method: string;
  /** An object or an array. */
  readonly params?: unknown;
}

/** A message that has no response. */
export interface Notification {
  /** Version of JSON-RPC. */
  readonly jsonrpc: "2.0";
  /** Name of the method. */
  readonly method: string;
  /** An object or an array. */
  readonly params?: unknown;
}

/** Response to a request that succeeded. */
export interface SuccessResponse {
  /** Version of JSON-RPC. */
  readonly jsonrpc: "2.0";
  /** Id of the request. */
  readonly id: MessageId;
  /** Result of the request; `null` if there is none. */
  readonly result: unknown;
}

/** Response to a request that failed. `id` is `null` if the request could not be read. */
export interface ErrorResponse {
  /** Version of JSON-RPC. */
  readonly jsonrpc: "2.0";
  /** Id of the request. */
  readonly id: MessageId | null;
  /** Reason for the failure. */
  readonly error: ErrorObject;
}

/** Any response. */
export type Response = SuccessResponse | ErrorResponse;

/** Any message. */
export type Message = Request | Notification | Response;

/** Creates a request. */
export function request(id: MessageId, method: string, params?: unknown): Request {
  return params === undefined
    ? { jsonrpc: "2.0", id, method }
    : { jsonrpc: "2.0", id, method, params };
}

/** Creates a notification. */
export function notification(method: string, params?: unknown): Notification {
  return params === undefined ? { jsonrpc: "2.0", method } : { jsonrpc: "2.0", method, params };
}

/** Creates the response to a request that succeeded; `undefined` is sent as `null`. */
export function success(id: MessageId, result: unknown): SuccessResponse {
  return { jsonrpc: "2.0", id, result: result === undefined ? null : result };
}

/** Creates the response to a request that failed. */
export function failure(id: MessageId | null, error: WireError): ErrorResponse {
  return { jsonrpc: "2.0", id, error: error.toObject() };
}

/** Returns true if a message is a request. */
export function isRequest(message: Message): message is Request {
  return "method" in message && "id" in message;
}

/** Returns true if a message is a notification. */
export function isNotification(message: Message): message is Notification {
  return "method" in message && !("id" in message);
}

/** Returns true if a message is a response. */
export function isResponse(message: Message): message is Response {
  return !("method" in message);
}

/**
 * Parses one line as a message.
 *
 * @param text the line without its newline
 * @throws {WireError} `parseError` if the line is not JSON, `invalidRequest` if it is JSON but not
 *   a JSON-RPC 2.0 message (batches are not part of the protocol)
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
