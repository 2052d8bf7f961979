/**
 * Exit codes of the client, and the conversion of errors into exit codes and messages.
 *
 * @module
 */

import { StateError } from "../project/state.ts";
import { NoLocksError } from "../system/files/lockable_file.ts";
import { type ErrorCodeName, projectErrorData, WireError } from "../wire/errors.ts";

/** The exit codes of simmer itself. If a task fails, its own exit code is used. */
export const EXIT = {
  ok: 0,
  /** BitBake's own server answered an error. Equals the exit code of BitBake's client. */
  bitbake: 1,
  /** The command line is wrong. */
  usage: 2,
  /** No server runs, and none could be started. */
  noServer: 3,
  /** Refused: busy, read-only, wrong version, not permitted. */
  refused: 4,
  /** The project is invalid. */
  project: 5,
  /** A defect in simmer. */
  internal: 70,
  /** The output could not be written, as on a full disk: `EX_IOERR` of sysexits.h. */
  outputLost: 74,
  /** The user's terminal is gone. */
  hangup: 129,
  interrupted: 130,
  /** The reader of the output is gone. */
  brokenPipe: 141,
  terminated: 143,
} as const;

/** An expected error, with a message for the user. */
export class ClientError extends Error {
  /** The class name, as `Error.prototype.name` has it. */
  override readonly name: string = "ClientError";
  /** The exit code of the process. */
  readonly exitCode: number;
  /** Lines that are shown below the message. */
  readonly details: readonly string[];

  /**
   * Creates the error.
   *
   * @param exitCode the exit code of the process
   * @param message one line: action, state, next step
   * @param details lines below it, such as the end of a log
   */
  constructor(exitCode: number, message: string, details: readonly string[] = []) {
    super(message);
    this.exitCode = exitCode;
    this.details = details;
  }
}

/** The error for a connection that the server ended early. */
export class ServerEndedError extends ClientError {
  /** The class name, as `Error.prototype.name` has it. */
  override readonly name: string = "ServerEndedError";
  /** True if the server announced its end with a reason. Without one, it may have been killed. */
  readonly hasReason: boolean;

  /**
   * Creates the error.
   *
   * @param reason the reason that the server gave; absent if it gave none
   * @param mayRenew true if the server has ended only to be replaced by a new one
   */
  constructor(reason?: string, readonly mayRenew = false) {
    super(
      EXIT.noServer,
      reason === undefined ? "the server ended, perhaps killed" : `the server ended: ${reason}`,
    );
    this.hasReason = reason !== undefined;
  }
}

/** The report of an error to the user. */
interface Report {
  readonly exitCode: number;
  readonly lines: readonly string[];
}

const EXIT_OF: Readonly<Partial<Record<ErrorCodeName, number>>> = {
  methodNotFound: EXIT.usage,
  invalidParams: EXIT.usage,
  busy: EXIT.refused,
  readOnly: EXIT.refused,
  versionMismatch: EXIT.refused,
  wrongProject: EXIT.refused,
  otherContainer: EXIT.refused,
  notPermitted: EXIT.refused,
  shuttingDown: EXIT.noServer,
  projectError: EXIT.project,
  bitbakeError: EXIT.bitbake,
  cancelled: EXIT.interrupted,
};

/** Returns true if an error means that no server can run for the project. */
export function preventsServer(error: unknown): error is Error {
  return error instanceof NoLocksError || error instanceof StateError;
}

/** Returns the report of an expected error, or `undefined` if the error is a defect. */
export function reportOf(error: unknown): Report | undefined {
  if (error instanceof ClientError) {
    const { exitCode, message, details } = error;
    return { exitCode, lines: [message, ...details] };
  }
  if (preventsServer(error)) {
    const line = `${error.message}: no server can run; 'simmer run' works without one`;
    return { exitCode: EXIT.noServer, lines: [line] };
  }
  if (!(error instanceof WireError)) return undefined;
  return { exitCode: exitCodeOf(error), lines: wireErrorLines(error) };
}

/** Returns the exit code for an error that the server answered. */
function exitCodeOf(error: WireError): number {
  const names = Object.keys(EXIT_OF) as ErrorCodeName[];
  const name = names.find((each) => error.is(each));
  return (name === undefined ? undefined : EXIT_OF[name]) ?? EXIT.internal;
}

function wireErrorLines(error: WireError): string[] {
  const data = projectErrorData(error);
  if (data === undefined) {
    return [
      error.is("internalError")
        ? `${error.message} (an error in simmer: see 'simmer logs')`
        : error.message,
    ];
  }
  const { file, line, column, nearest, details } = data;
  const place = file === undefined || line === undefined
    ? ""
    : `${file}:${line}${column === undefined ? "" : `:${column}`}`;
  const where = place === "" || error.message.includes(place) ? "" : `${place}: `;
  const hint = nearest === undefined || /did you mean/i.test(error.message)
    ? ""
    : `; did you mean '${nearest}'?`;
  const message = hint === "" ? error.message : error.message.replace(/\.$/, "");
  return [`${where}${message}${hint}`, ...(details ?? [])];
}
