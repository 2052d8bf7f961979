/**
 * Errors as both ends of the wire name them: JSON-RPC's own codes and simmer's.
 *
 * A {@linkcode WireError} is what a request is answered with when it can't be carried out. Its
 * `code` is stable, its `message` is a sentence for a person, its `data` is for programs.
 *
 * @module
 */

/** Every error code of the protocol, by name. */
export const ERROR_CODES = {
  /** The line was not UTF-8, not JSON, or longer than the cap. */
  parseError: -32700,
  /** JSON, but not a JSON-RPC 2.0 message. */
  invalidRequest: -32600,
  /** No command of that name. */
  methodNotFound: -32601,
  /** The command's parameters do not fit its schema. */
  invalidParams: -32602,
  /** A defect in the server; its log has the details. */
  internalError: -32603,
  /** Another command or another UI is in the way. */
  busy: -32000,
  /** An observer asked for a command that changes something. */
  readOnly: -32001,
  /** The two ends speak different protocol numbers or are different versions. */
  versionMismatch: -32002,
  /** The peer is not the server's own user, or has not said hello. */
  notPermitted: -32003,
  /** The server serves another project root or another config file. */
  wrongProject: -32004,
  /** The client is in another container: the server sees other processes, or other files. */
  otherContainer: -32006,
  /** The server is about to end and starts nothing new. */
  shuttingDown: -32005,
  /** The project is wrong: see {@linkcode ProjectErrorData}. */
  projectError: -32010,
  /** BitBake's own server answered an error; the message has its words. */
  bitbakeError: -32011,
  /** A task needs a descriptor that the server cannot pass on; nothing has begun. */
  needsInheritance: -32012,
  /** The command was cancelled before it was done. */
  cancelled: -32020,
} as const;

/** The name of an error code. */
export type ErrorCodeName = keyof typeof ERROR_CODES;

/** What is wrong with a project, for programs; travels as `data` of a `projectError`. */
export interface ProjectErrorData {
  /** The kind of mistake. */
  readonly kind: "no-config" | "invalid-config" | "unknown-task" | "cycle" | "no-match";
  /** The file that is wrong, absolute. */
  readonly file?: string;
  /** Line in that file, from 1. */
  readonly line?: number;
  /** Column in that line, from 1. */
  readonly column?: number;
  /** The task that was asked for. */
  readonly task?: string;
  /** The existing task whose name is nearest to the one asked for. */
  readonly nearest?: string;
  /** The names on the cycle, the first one repeated at the end. */
  readonly path?: readonly string[];
  /** Lines that a terminal shows below the message, such as the available tasks. */
  readonly details?: readonly string[];
}

/** The `error` member of a JSON-RPC response. */
export interface ErrorObject {
  /** One of {@linkcode ERROR_CODES}. */
  readonly code: number;
  /** A sentence for a person. */
  readonly message: string;
  /** Details for programs. */
  readonly data?: unknown;
}

/** An error that travels over the wire as it is. */
export class WireError extends Error {
  /** The class name, as `Error.prototype.name` has it. */
  override readonly name = "WireError";
  /** One of {@linkcode ERROR_CODES}. */
  readonly code: number;
  /** Details for programs, JSON. */
  readonly data: unknown;

  /**
   * Makes an error.
   *
   * @param code the error's name in {@linkcode ERROR_CODES}, or a number from the wire
   * @param message a sentence for a person: what happened, and what would be right
   * @param data details for programs; must be JSON
   */
  constructor(code: ErrorCodeName | number, message: string, data?: unknown) {
    super(message);
    this.code = typeof code === "number" ? code : ERROR_CODES[code];
    this.data = data;
  }

  /** The error as a response's `error` member. */
  toObject(): ErrorObject {
    const { code, message, data } = this;
    return data === undefined ? { code, message } : { code, message, data };
  }

  /** The error that a response's `error` member stands for. */
  static fromObject(object: ErrorObject): WireError {
    return new WireError(object.code, object.message, object.data);
  }

  /** Whether this error has the code of that name. */
  is(code: ErrorCodeName): boolean {
    return this.code === ERROR_CODES[code];
  }
}

/** A `projectError`: something that the user has to mend in the project. */
export function projectError(message: string, data: ProjectErrorData): WireError {
  return new WireError("projectError", message, data);
}

/** The `data` of a `projectError`, or `undefined` where `error` is another one. */
export function projectErrorData(error: unknown): ProjectErrorData | undefined {
  return error instanceof WireError && error.is("projectError")
    ? error.data as ProjectErrorData
    : undefined;
}
