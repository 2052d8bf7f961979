/**
 * Commands for GitHub Actions in the output of a step: groups of lines, and annotations.
 *
 * @module
 */

/** The last line of a group. */
export const END_GROUP = "::endgroup::\n";

/** Returns the first line of a group. */
export function groupLine(title: string): string {
  return `::group::${data(title)}\n`;
}

/** Returns the line that annotates a run with an error. */
export function errorLine(title: string, message: string): string {
  return `::error title=${property(title)}::${data(message)}\n`;
}

/** The longest line that can be a command, in characters. */
const MAX_LINE = 1000;

/**
 * Follows the commands by which a task stops the processing of commands, and allows it again. While
 * it is stopped, the end of the task's group would be ignored.
 */
export class StoppedCommands {
  readonly #decoder = new TextDecoder();
  #token: string | undefined;
  /** The beginning of an incomplete line. */
  #rest = "";

  /** Takes a piece of output in. */
  take(bytes: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split("\n");
    this.#rest = lines.pop()?.slice(0, MAX_LINE) ?? "";
    for (const line of lines) if (line.includes("::")) this.#line(line.trim());
  }

  /** Returns the line that allows commands again; empty if they are not stopped. */
  end(): string {
    this.#line(this.#rest.trim());
    const token = this.#token;
    this.#token = undefined;
    this.#rest = "";
    return token === undefined ? "" : `::${token}::\n`;
  }

  #line(text: string): void {
    if (this.#token === undefined) this.#token = /^::stop-commands::(.+)$/.exec(text)?.[1];
    else if (text === `::${this.#token}::`) this.#token = undefined;
  }
}

function data(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function property(text: string): string {
  return data(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
