/**
 * Errors that BitBake's server answers, in words for a person.
 *
 * BitBake answers an error as a text: a sentence, or Python's traceback. What really went wrong is
 * often told by the log records that came before the reply.
 *
 * @module
 */

import { WireError } from "../../wire/errors.ts";

/** A reply whose error is not empty. */
export class ReplyError extends Error {
  override readonly name = "ReplyError";

  /**
   * Makes the error.
   *
   * @param command the name of the command that was answered
   * @param text the error as BitBake has written it
   */
  constructor(readonly command: string, readonly text: string) {
    super(`BitBake: ${text}`);
  }
}

/** The end of every text that stands for errors which the log has told already. */
const LOGGED = /BBHandledException|SystemExit/;

/**
 * The error of a reply as a client is told it.
 *
 * @param logged errors that the server logged while it carried the command out, first one first
 * @param log the server's own log file, if that is known
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
