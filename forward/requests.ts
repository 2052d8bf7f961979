/**
 * Parses the frames of `execute` on the server's side, and checks all values.
 *
 * @module
 */

import { isTaskSignal, type TaskSignal } from "../wire/signals.ts";
import { MAX_FRAME_BYTES } from "../wire/frame.ts";
import { EXECUTE_PROTOCOL, type ExecuteRequest, FRAME, MAX_PAYLOAD_BYTES } from "./protocol.ts";

/** A client has sent an invalid request or frame. */
export class ExecuteError extends Error {
  /** The class name, for `Error.prototype.toString`. */
  override readonly name = "ExecuteError";
}

/** Returns the server's limit of a type's payload, in bytes. */
export function maxPayload(type: number): number {
  return type === FRAME.execute ? MAX_FRAME_BYTES : MAX_PAYLOAD_BYTES;
}

/** Limit of descriptors in one request. */
const MAX_PASSED = 64;
/** Limit of descriptor numbers. Larger ones do not exist in a process. */
const MAX_DESCRIPTOR = 1_000_000;
/** Limit of a terminal's columns and rows. */
const MAX_LENGTH = 65_535;
/** Number of fields before the arguments. */
const HEADER_FIELDS = 10;

/** A request, and its key. Requests with equal keys ask for the same. */
export interface ReadRequest {
  readonly request: ExecuteRequest;
  /** All fields of the request except the process id. */
  readonly key: string;
}

/**
 * Parses the payload of {@linkcode FRAME.execute}.
 *
 * @throws {ExecuteError} if it is malformed, of another protocol, or not UTF-8: arguments and
 *   variables in Deno are always Unicode
 */
export function readExecute(payload: Uint8Array): ReadRequest {
  const fields = text(payload).split("\0");
  if (fields.length < HEADER_FIELDS) throw new ExecuteError("fields are missing");
  const [
    protocol,
    version = "",
    pid,
    namespaces = "",
    cwd = "",
    columns,
    rows,
    terminal = "",
    passed = "",
    count,
  ] = fields;
  if (protocol !== String(EXECUTE_PROTOCOL)) {
    throw new ExecuteError(`protocol ${protocol} is not ${EXECUTE_PROTOCOL}`);
  }
  const words = wholeNumber("number of words", count);
  const end = HEADER_FIELDS + words;
  if (end > fields.length) throw new ExecuteError("words are missing");
  if (!cwd.startsWith("/")) throw new ExecuteError("the working directory is not absolute");
  if (!/^[01]{3}$/.test(terminal)) {
    throw new ExecuteError("the terminal flags are not three of 0, 1");
  }
  const [stdin, stdout, stderr] = [...terminal].map((flag) => flag === "1");
  const request: ExecuteRequest = {
    version,
    pid: wholeNumber("process id", pid),
    namespaces,
    cwd,
    columns: terminalLength("columns", columns),
    rows: terminalLength("rows", rows),
    terminal: { stdin: stdin === true, stdout: stdout === true, stderr: stderr === true },
    passed: descriptors(passed),
    args: fields.slice(HEADER_FIELDS, end),
    env: environment(fields.slice(end)),
  };
  return { request, key: fields.filter((_, index) => index !== 2).join("\0") };
}

/**
 * Parses the payload of {@linkcode FRAME.signal}.
 *
 * @throws {ExecuteError} if it is not a signal that clients pass on
 */
export function readSignal(payload: Uint8Array): TaskSignal {
  const name = `SIG${text(payload)}`;
  if (isTaskSignal(name)) return name;
  throw new ExecuteError("the signal cannot be passed on");
}

/**
 * Parses the payload of {@linkcode FRAME.size}; 0: unknown.
 *
 * @throws {ExecuteError} if the columns or the rows are not a whole number
 */
export function readSize(
  payload: Uint8Array,
): { readonly columns: number; readonly rows: number } {
  const [columns, rows] = text(payload).split(" ");
  return { columns: terminalLength("columns", columns), rows: terminalLength("rows", rows) };
}

function text(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) throw new ExecuteError("a field is not UTF-8");
    throw error;
  }
}

function wholeNumber(what: string, field: string | undefined): number {
  if (field === undefined || !/^\d{1,9}$/.test(field)) {
    throw new ExecuteError(`the ${what} is not a whole number`);
  }
  return Number(field);
}

/** Parses the number of columns or rows. The kernel holds it in 16 bits. */
function terminalLength(what: string, field: string | undefined): number {
  return Math.min(wholeNumber(what, field), MAX_LENGTH);
}

function descriptors(field: string): number[] {
  if (field === "") return [];
  const numbers = field.split(",").map((each) => wholeNumber("number of a descriptor", each));
  if (numbers.length > MAX_PASSED || numbers.some((each) => each > MAX_DESCRIPTOR)) {
    throw new ExecuteError("there are too many descriptors");
  }
  return numbers;
}

/**
 * Parses variables like `execve`. If a name has several values, the first one counts, as for
 * `getenv`.
 */
function environment(fields: readonly string[]): Record<string, string> {
  const variables: Record<string, string> = Object.create(null);
  for (const field of fields) {
    const at = field.indexOf("=", 1);
    if (at > 0) variables[field.slice(0, at)] ??= field.slice(at + 1);
  }
  return { ...variables };
}
