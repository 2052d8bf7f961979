/**
 * The server's reading of `execute`: what a client sends, checked.
 *
 * @module
 */

import { isTaskSignal, type TaskSignal } from "../wire/signals.ts";
import { MAX_FRAME_BYTES } from "../wire/frame.ts";
import { EXECUTE_PROTOCOL, type ExecuteRequest, FRAME, MAX_PAYLOAD_BYTES } from "./protocol.ts";

/** What a client has sent is not what it should be. */
export class ExecuteError extends Error {
  /** The class name, as `Error.prototype.name` has it. */
  override readonly name = "ExecuteError";
}

/** Bytes of the largest payload of a type that a server takes. */
export function maxPayload(type: number): number {
  return type === FRAME.execute ? MAX_FRAME_BYTES : MAX_PAYLOAD_BYTES;
}

/** Descriptors that come with one request at the most. */
const MAX_PASSED = 64;
/** Descriptors above are none that a process has. */
const MAX_DESCRIPTOR = 1_000_000;
/** Fields before the words. */
const HEADER_FIELDS = 10;

/** A request, and what tells two of them apart that mean the same. */
export interface ReadRequest {
  readonly request: ExecuteRequest;
  /** All of the request but the process that it comes from. */
  readonly key: string;
}

/**
 * Reads the payload of {@linkcode FRAME.execute}.
 *
 * @throws {ExecuteError} if it is malformed, of another protocol, or not UTF-8: Deno has no words and
 *   no variables that are not
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
    columns: wholeNumber("columns", columns),
    rows: wholeNumber("rows", rows),
    terminal: { stdin: stdin === true, stdout: stdout === true, stderr: stderr === true },
    passed: descriptors(passed),
    args: fields.slice(HEADER_FIELDS, end),
    env: environment(fields.slice(end)),
  };
  return { request, key: fields.filter((_, index) => index !== 2).join("\0") };
}

/** Reads the payload of {@linkcode FRAME.signal}. @throws {ExecuteError} */
export function readSignal(payload: Uint8Array): TaskSignal {
  const name = `SIG${text(payload)}`;
  if (isTaskSignal(name)) return name;
  throw new ExecuteError("a signal is none that is passed on");
}

/** Reads the columns of the payload of {@linkcode FRAME.size}; 0: unknown. @throws {ExecuteError} */
export function readColumns(payload: Uint8Array): number {
  const [columns] = text(payload).split(" ");
  return wholeNumber("columns", columns);
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
    throw new ExecuteError(`the ${what} is no whole number`);
  }
  return Number(field);
}

function descriptors(field: string): number[] {
  if (field === "") return [];
  const numbers = field.split(",").map((each) => wholeNumber("number of a descriptor", each));
  if (numbers.length > MAX_PASSED || numbers.some((each) => each > MAX_DESCRIPTOR)) {
    throw new ExecuteError("there are too many descriptors");
  }
  return numbers;
}

/** As `execve` has it; of several values of one name, the first one counts, as for `getenv`. */
function environment(fields: readonly string[]): Record<string, string> {
  const variables: Record<string, string> = Object.create(null);
  for (const field of fields) {
    const at = field.indexOf("=", 1);
    if (at > 0) variables[field.slice(0, at)] ??= field.slice(at + 1);
  }
  return { ...variables };
}
