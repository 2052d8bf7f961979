/**
 * Reads the text of config files within size limits, checks their nesting depth, and converts JSONC
 * to JSON.
 *
 * @module
 */

import { NotReadableError, readBoundedText } from "../system/files/bounded_text.ts";
import { projectError } from "../wire/errors.ts";

/** Maximum size of a config file, in bytes. */
const MAX_CONFIG_BYTES: number = 16 * 1024 ** 2;

/**
 * Maximum nesting depth of objects and lists. A deeper file would make a recursive parser end the
 * process.
 */
export const MAX_CONFIG_DEPTH = 1000;

/**
 * Reads the text of a config file. Returns `undefined` if there is no file.
 *
 * @param passes what else counts as no file. `folder`: a folder, as in `deno task`. `denied`: a
 *   file that this user may not read, such as another user's file above the project
 * @throws {WireError} `projectError` of kind `invalid-config` if the file is not a regular file, is
 *   larger than {@linkcode MAX_CONFIG_BYTES}, or cannot be read
 */
export function readConfigText(
  file: string,
  passes: { readonly folder?: boolean; readonly denied?: boolean } = {},
): string | undefined {
  try {
    return readBoundedText(file, MAX_CONFIG_BYTES);
  } catch (error) {
    if (!(error instanceof NotReadableError)) throw error;
    if (error.isFolder && passes.folder === true) return undefined;
    if (error.cause instanceof Deno.errors.PermissionDenied && passes.denied === true) {
      return undefined;
    }
    throw projectError(`Cannot read config: ${file}: ${error.message}`, {
      kind: "invalid-config",
      file,
    });
  }
}

const NEWLINE = 10;
const RETURN = 13;
const QUOTE = 34;
const SLASH = 47;
const STAR = 42;
const COMMA = 44;
const BACKSLASH = 92;
const OPEN_LIST = 91;
const CLOSE_LIST = 93;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;

/**
 * Returns the offset of the first bracket of JSONC text that is nested too deeply.
 *
 * A closing bracket of the wrong kind closes nothing, as in `jsonc-parser`. The depth is therefore
 * an upper bound of that parser's recursion, for any text.
 *
 * @returns `undefined` if the whole text is within the limit
 */
export function tooDeepAt(text: string, limit: number = MAX_CONFIG_DEPTH): number | undefined {
  if (text.length <= limit) return undefined;
  const open = new Uint8Array(limit);
  let depth = 0;
  for (let at = 0; at < text.length;) {
    const code = text.charCodeAt(at);
    if (code === QUOTE || code === SLASH) {
      at = skip(text, at);
      continue;
    }
    if (code === OPEN_LIST || code === OPEN_OBJECT) {
      if (depth === limit) return at;
      open[depth++] = code + 2;
    } else if ((code === CLOSE_LIST || code === CLOSE_OBJECT) && open[depth - 1] === code) {
      depth--;
    }
    at++;
  }
  return undefined;
}

/**
 * Converts JSONC to JSON, in linear time. Removes a byte order mark, comments and trailing commas,
 * but leaves strings unchanged.
 */
export function withoutComments(text: string): string {
  const pieces: string[] = [];
  let from = text.startsWith("\ufeff") ? 1 : 0;
  /** Index in `pieces` of the last comma, if only blanks and comments have followed it. */
  let comma: number | undefined;
  const take = (end: number): void => {
    if (end > from) pieces.push(text.slice(from, end));
    from = end;
  };
  for (let at = from; at < text.length;) {
    const code = text.charCodeAt(at);
    const end = code === QUOTE || code === SLASH ? skip(text, at) : at + 1;
    const isComment = code === SLASH && end > at + 1;
    if (isComment) {
      take(at);
      from = end;
    } else if (code === COMMA) {
      take(at);
      comma = pieces.length;
      take(end);
    } else if (code === CLOSE_LIST || code === CLOSE_OBJECT) {
      if (comma !== undefined) pieces[comma] = " ";
      comma = undefined;
    } else if (!isBlank(code)) {
      comma = undefined;
    }
    at = end;
  }
  take(text.length);
  return pieces.join("");
}

/**
 * Returns the end of the string or comment at an offset, or the next offset if there is neither.
 */
function skip(text: string, start: number): number {
  if (text.charCodeAt(start) === QUOTE) return stringEnd(text, start);
  const next = text.charCodeAt(start + 1);
  if (next === STAR) {
    const end = text.indexOf("*/", start + 2);
    return end < 0 ? text.length : end + 2;
  }
  if (next !== SLASH) return start + 1;
  let at = start + 2;
  while (at < text.length && !isLineEnd(text.charCodeAt(at))) at++;
  return at;
}

/** Returns the end of a string. An unclosed string ends with its line. */
function stringEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) at++;
    else if (code === QUOTE) return at + 1;
    else if (isLineEnd(code)) return at;
  }
  return text.length;
}

function isLineEnd(code: number): boolean {
  return code === NEWLINE || code === RETURN;
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9 || isLineEnd(code);
}
