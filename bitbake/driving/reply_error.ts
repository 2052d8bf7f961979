/**
 * Converts the errors that BitBake's server replies with to errors that a person can read.
 *
 * BitBake replies with a text: a sentence, or Python's traceback. The actual cause is often in the
 * log records that came before the reply.
 *
 * @module
 */

import { WireError } from "../../wire/errors.ts";

/** The error of a reply that reports a failure. */
export class ReplyError extends Error {
  override readonly name = "ReplyError";

  /**
   * Creates the error.
   *
   * @param command the name of the command that failed
   * @param text the error text, as sent by BitBake
   */
  constructor(readonly command: string, readonly text: string) {
    super(`BitBake: ${text}`);
  }
}

/** Matches the error texts of failures that BitBake has already logged. */
const LOGGED = /BBHandledException|SystemExit/;

/**
 * Converts an error reply to the error that the client receives.
 *
 * @param logged errors that the server logged while it executed the command, oldest first
 * @param log the path of the server's own log file, if it is known
 */
export function wireErrorOf(
  { command, text }: ReplyError,
  logged: readonly string[],
  log: string | undefined,
): WireError {
  const seeLog = log === undefined ? "" : `; its log: ${log}`;
  if (text === "No such command") {
    return new WireError("methodNotFound", `BitBake's server has no command '${command}'`);
  }
  if (text.startsWith("Busy")) return new WireError("busy", `BitBake: ${text}`);
  if (LOGGED.test(text)) {
    const first = logged[0] ?? `'${command}' failed${seeLog}`;
    return new WireError("bitbakeError", `BitBake: ${first}`);
  }
  const lines = text.split("\n").map((line) => line.trimEnd()).filter((line) => line !== "");
  // The last line of a traceback names the exception.
  const isTraceback = text.includes("Traceback (most recent call last)");
  const words = isTraceback ? `${lines.at(-1) ?? ""}${seeLog}` : lines.join(" ");
  return new WireError("bitbakeError", `BitBake: ${words}`);
}
