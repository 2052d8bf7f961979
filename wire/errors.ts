/**
 * Errors of the protocol, with JSON-RPC's own codes and simmer's.
 *
 * A {@linkcode WireError} is the response to a request that failed. Its `code` is stable, its
 * `message` is a sentence for people, and its `data` is for programs.
 *
 * @module
 */

/** All error codes of the protocol, by name. */
export const ERROR_CODES = {
  /** The line is not UTF-8, not JSON, or longer than the limit. */
  parseError: -32700,
  /** The line is JSON, but not a JSON-RPC 2.0 message. */
  invalidRequest: -32600,
  /** No command has this name. */
  methodNotFound: -32601,
  /** The parameters do not match the command's schema. */
  invalidParams: -32602,
  /** The server has a defect; its log has the details. */
  internalError: -32603,
  /** Another command or another UI occupies the server. */
  busy: -32000,
  /** An observer sent a command that changes something. */
  readOnly: -32001,
  /** Client and server have different protocol numbers or versions. */
  versionMismatch: -32002,
  /** The peer is not the server's own user, or has not completed the handshake. */
  notPermitted: -32003,
  /** The server serves another project root or another config file. */
  wrongProject: -32004,
  /** The client is in another container: the server sees other processes or other files. */
  otherContainer: -32006,
  /** The server is about to end and starts nothing new. */
  shuttingDown: -32005,
  /** The project has a mistake; see {@linkcode ProjectErrorData}. */
  projectError: -32010,
  /** BitBake's own server responded with an error, which the message quotes. */
  bitbakeError: -32011,
  /** A task needs a descriptor that the server cannot pass on. No task has started. */
  needsInheritance: -32012,
  /** The command was cancelled before it was finished. */
  cancelled: -32020,
} as const;

/** Name of an error code. */
export type ErrorCodeName = keyof typeof ERROR_CODES;

/** Details of a mistake in a project, for programs. They are the `data` of a `projectError`. */
export interface ProjectErrorData {
  /** Kind of the mistake. */
  readonly kind: "no-config" | "invalid-config" | "unknown-task" | "cycle" | "no-match";
  /** File with the mistake, absolute. */
  readonly file?: string;
  /** Line in that file, from 1. */
  readonly line?: number;
  /** Column in that line, from 1. */
  readonly column?: number;
  /** Task that the client asked for. */
  readonly task?: string;
  /** Existing task whose name is nearest to the requested one. */
  readonly nearest?: string;
  /** Names along the cycle, with the first one repeated at the end. */
  readonly path?: readonly string[];
  /** Lines that a terminal shows below the message, such as the available tasks. */
  readonly details?: readonly string[];
}

/** The `error` member of a JSON-RPC response. */
export interface ErrorObject {
  /** One of {@linkcode ERROR_CODES}. */
  readonly code: number;
  /** A sentence for people. */
  readonly message: string;
  /** Details for programs. */
  readonly data?: unknown;
}

/** An error that is sent over the wire unchanged. */
export class WireError extends Error {
  /** The class name, as `Error.prototype.name` has it. */
  override readonly name = "WireError";
  /** One of {@linkcode ERROR_CODES}. */
  readonly code: number;
  /** Details for programs, as JSON. */
  readonly data: unknown;

  /**
   * Creates an error.
   *
   * @param code name of the error in {@linkcode ERROR_CODES}, or a number from the wire
   * @param message a sentence for people: what happened, and what would be right
   * @param data details for programs; must be JSON
   */
  constructor(code: ErrorCodeName | number, message: string, data?: unknown) {
    super(message);
    this.code = typeof code === "number" ? code : ERROR_CODES[code];
    this.data = data;
  }

  /** Converts the error to the `error` member of a response. */
  toObject(): ErrorObject {
    const { code, message, data } = this;
    return data === undefined ? { code, message } : { code, message, data };
  }

  /** Creates the error from the `error` member of a response. */
  static fromObject(object: ErrorObject): WireError {
    return new WireError(object.code, object.message, object.data);
  }

  /** Returns true if the error has the code with this name. */
  is(code: ErrorCodeName): boolean {
    return this.code === ERROR_CODES[code];
  }
}

/** Creates a `projectError`: a mistake that the user has to fix in the project. */
export function projectError(message: string, data: ProjectErrorData): WireError {
  return new WireError("projectError", message, data);
}

/** Returns the `data` of a `projectError`, or `undefined` for any other error. */
export function projectErrorData(error: unknown): ProjectErrorData | undefined {
  return error instanceof WireError && error.is("projectError")
    ? error.data as ProjectErrorData
    : undefined;
}
