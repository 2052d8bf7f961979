/**
 * Exit codes, and how an error becomes one: what a person is told when something can't be done.
 *
 * @module
 */

import { StateError } from "../project/state.ts";
import { NoLocksError } from "../system/files/lockable_file.ts";
import { type ErrorCodeName, projectErrorData, WireError } from "../wire/errors.ts";

/** The exit codes that are simmer's own; a failed task's code is the task's. */
export const EXIT = {
  ok: 0,
  /** BitBake's own server answered an error: the exit code of its own client. */
  bitbake: 1,
  /** The command line is wrong. */
  usage: 2,
  /** No server, and none could be started. */
  noServer: 3,
  /** Refused: busy, read-only, wrong version, not permitted. */
  refused: 4,
  /** The project is wrong. */
  project: 5,
  /** A defect in simmer. */
  internal: 70,
  /** The output could not be written, as on a full disk: `EX_IOERR` of sysexits.h. */
  outputLost: 74,
  /** The user's terminal is gone. */
  hangup: 129,
  interrupted: 130,
  /** Whoever read the output is gone. */
  brokenPipe: 141,
  terminated: 143,
} as const;

/** Something that can't be done, with what a person needs to know. */
export class ClientError extends Error {
  /** The class name, as `Error.prototype.name` has it. */
  override readonly name: string = "ClientError";
  /** What the process exits with. */
  readonly exitCode: number;
  /** Lines that are shown below the message. */
  readonly details: readonly string[];

  /**
   * Makes the error.
   *
   * @param exitCode what the process exits with
   * @param message one line: action, state, next step
   * @param details lines below it, such as the end of a log
   */
  constructor(exitCode: number, message: string, details: readonly string[] = []) {
    super(message);
    this.exitCode = exitCode;
    this.details = details;
  }
}

/** The connection to the server ended before all was said. */
export class ServerEndedError extends ClientError {
  /** The class name, as `Error.prototype.name` has it. */
  override readonly name: string = "ServerEndedError";
  /** Whether the server said why it ends: it was not killed. */
  readonly hasReason: boolean;

  /**
   * Makes the error.
   *
   * @param reason what the server said as it went; absent: it said nothing
   * @param mayRenew whether it has ended only for a new server to take its place
   */
  constructor(reason?: string, readonly mayRenew = false) {
    super(
      EXIT.noServer,
      reason === undefined ? "the server ended, perhaps killed" : `the server ended: ${reason}`,
    );
    this.hasReason = reason !== undefined;
  }
}

/** How an error is reported. */
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

/** Whether an error says that there can't be a server where the project is. */
export function preventsServer(error: unknown): error is Error {
  return error instanceof NoLocksError || error instanceof StateError;
}

/** What an expected error is reported as; `undefined` where the error is a defect. */
export function reportOf(error: unknown): Report | undefined {
  if (error instanceof ClientError) {
    const { exitCode, message, details } = error;
    return { exitCode, lines: [message, ...details] };
  }
  if (preventsServer(error)) {
    const line = `${error.message}: no server can run; 'simmer run' does without`;
    return { exitCode: EXIT.noServer, lines: [line] };
  }
  if (!(error instanceof WireError)) return undefined;
  return { exitCode: exitCodeOf(error), lines: wireErrorLines(error) };
}

/** The exit code of an error that the server answered. */
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
  return [`${where}${error.message}${hint}`, ...(details ?? [])];
}
