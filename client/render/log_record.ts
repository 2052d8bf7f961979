/**
 * Records of the server's log, for people.
 *
 * @module
 */

import { LOG_LEVELS, type LogLevel, type LogRecord } from "../../wire/events.ts";
import { printableLines } from "./printable.ts";

/** Minimum levels of records that are shown. */
interface RecordLevels {
  readonly logLevel: LogLevel;
  /** Of records of BitBake's own server. */
  readonly bitbakeLevel: LogLevel;
}

/** Formats a record, with a final newline. Returns `undefined` if it is not shown. */
export function recordText(
  { level, message, label, task }: LogRecord,
  { logLevel, bitbakeLevel }: RecordLevels,
): string | undefined {
  const least = label === undefined ? logLevel : bitbakeLevel;
  if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(least)) return undefined;
  if (label !== undefined) return bitbakeLine(label, message, task);
  const word = { debug: "debug: ", info: "", warn: "warning: ", error: "error: " }[level];
  return `simmer: ${word}${printableLines(message)}\n`;
}

/** Formats a record of BitBake's own server as its own client does. */
function bitbakeLine(label: string, message: string, task: string | undefined): string {
  if (label === "PLAIN") return `${message}\n`;
  return `${label}: ${task === undefined ? "" : `${task}: `}${message}\n`;
}
