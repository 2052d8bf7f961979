/**
 * Redaction of command lines before they are stored on disk: values that look like secrets are
 * replaced. The user who runs a command sees it unchanged, but files persist and are sent with
 * reports.
 *
 * A command line is parsed like in a shell, word by word. A value is therefore found whether it is
 * quoted, escaped or composed of several pieces.
 *
 * @module
 */

import { quoteArgument } from "./quoting.ts";

const STARS = "***";

/** Part of a variable's or an option's name that marks its value as a secret. */
const SECRET = "(?:token|secret|passw(?:or)?d|passphrase|credential" +
  "|(?:api|private|access|signing|encryption)[_-]?key|auth(?!or(?:s?$|s?[^a-z]))|bearer)";

/** Names that mark a secret only as a whole. As parts of names they have other meanings. */
const WHOLE = /^-{1,2}(?:pass|pw)$|_(?:pass|pwd|pw)$/i;

/** Options that look secret, but take the location of a secret or no value. */
const PLACE = /(?:[_-](?:stdin|file)$)|^--no-/i;

const IN_NAME = new RegExp(SECRET, "i");

/**
 * Rest of a name around the part that marks it. The length is bounded, so that matching is fast.
 */
const AROUND = String.raw`[\w-]{0,100}`;

/** A name whose value follows in the same word. */
const ASSIGNED = new RegExp(
  String
    .raw`(?<![\w-])(?:${AROUND}?${SECRET}${AROUND}|-{1,2}(?:pass|pw)|\w{1,100}_(?:pass|pwd|pw))=`,
  "i",
);

/** An HTTP header, including the scheme of an `Authorization`. */
const HEADER = new RegExp(
  String.raw`^${AROUND}${SECRET}${AROUND}:\s*(?:(?:bearer|basic|token)\s+)?`,
  "i",
);

/** Secrets that are recognized anywhere in a text. */
const ANYWHERE: readonly RegExp[] = [
  // Authorization: Bearer value
  /(\b(?:bearer|basic)\s+)[\w.~+/-]+=*/gi,
  // https://user:value@host
  /(:\/\/[^\s/:@]*:)[^\s/@]+(?=@)/g,
  // https://value@host
  /(:\/\/)[\w-]{20,}(?=@)/g,
  // "name": "value"
  new RegExp(String.raw`("${AROUND}${SECRET}${AROUND}"\s*:\s*)"(?:[^"\\]|\\.)*"`, "gi"),
];

/** Quick test: a text without a match has no secret, which is true of most command lines. */
const HINT = /token|secret|pass|[_-]pwd?\b|credential|key|auth|bearer|basic|:\/\/|-u/i;

/** Maximum depth of command lines that are nested in the words of others. */
const MAX_DEPTH = 4;

/** Returns true if a text contains what looks like a secret. */
export function hasSecret(text: string): boolean {
  return HINT.test(text) && redact(text) !== text;
}

/**
 * Replaces everything that looks like a secret in a command line by stars.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { redact } from "./redact.ts";
 *
 * assertEquals(redact("NPM_TOKEN=abc npm publish"), "NPM_TOKEN=*** npm publish");
 * assertEquals(redact("login '--password' 'a b'"), "login '--password' ***");
 * ```
 */
export function redact(text: string): string {
  return HINT.test(text) ? redactLine(text, 0) : text;
}

/** Replaces everything that looks like a secret in arguments by stars. */
export function redactArguments(args: readonly string[]): string[] {
  return args.map((arg, at) => {
    const value = secretOf(arg, args[at - 1]);
    return value ?? redact(arg);
  });
}

/**
 * Formats simmer's own command line for others. Secrets become stars, and unusual words are quoted.
 */
export function shownCommandLine(args: readonly string[]): string {
  const words = redactArguments(args).map((word) =>
    /^[\w@%+=:,./*-]+$/.test(word) ? word : quoteArgument(word)
  );
  return ["simmer", ...words].join(" ");
}

/** A word of a command line. */
interface Word {
  readonly start: number;
  readonly end: number;
  /** Value of the word after the shell has removed quotes and escapes. */
  readonly value: string;
  /** Quote that the word begins with; empty if it has none. */
  readonly quote: "" | "'" | '"';
  /** True if only blanks separate the word from the one before. */
  readonly follows: boolean;
}

function redactLine(text: string, depth: number): string {
  let redacted = "";
  let done = 0;
  let before: string | undefined;
  for (const word of wordsOf(text)) {
    const raw = text.slice(word.start, word.end);
    const shown = redactWord(word, raw, word.follows ? before : undefined, depth);
    redacted += text.slice(done, word.start) + shown;
    done = word.end;
    before = word.value;
  }
  return ANYWHERE.reduce(
    (left, pattern) => left.replace(pattern, `$1${STARS}`),
    redacted + text.slice(done),
  );
}

function redactWord(word: Word, raw: string, before: string | undefined, depth: number): string {
  const { value, quote } = word;
  // A word that contains several words is a command line of its own, as after `sh -c`.
  const isLine = quote !== "" && /\s/.test(value) && depth < MAX_DEPTH;
  if (isLine && !isOptionValue(before) && !HEADER.test(value)) {
    const assigned = ASSIGNED.exec(value);
    const end = assigned === null ? 0 : assigned.index + assigned[0].length;
    const isInside = assigned === null || /\s/.test(value.slice(0, end)) ||
      /["'\\]/.test(value.charAt(end));
    if (isInside) {
      const inner = redactLine(value, depth + 1);
      if (inner !== value) return quoted(inner, quote);
    }
  }
  const secret = secretOf(value, before);
  if (secret === undefined) return raw;
  return secret === STARS ? STARS : quoted(secret, quote);
}

/**
 * Replaces the secret in a word by stars; returns `undefined` if the word has no secret.
 *
 * @param before the previous word of the same command
 */
function secretOf(value: string, before: string | undefined): string | undefined {
  if (isOptionValue(before) && value !== "" && !value.startsWith("--")) return STARS;
  if (before === "-u" || before === "--user") {
    const colon = value.indexOf(":");
    const isPair = colon > 0 && colon < value.length - 1 && !/^\d+:\d+$/.test(value);
    if (isPair && !value.includes("://")) return `${value.slice(0, colon + 1)}${STARS}`;
  }
  const assigned = ASSIGNED.exec(value);
  if (assigned !== null) {
    const end = assigned.index + assigned[0].length;
    return end < value.length ? `${value.slice(0, end)}${STARS}` : undefined;
  }
  const [header] = HEADER.exec(value) ?? [];
  return header === undefined || header === value ? undefined : `${header}${STARS}`;
}

/** Returns true if a word is an option whose value, the next word, is a secret. */
function isOptionValue(option: string | undefined): boolean {
  return option !== undefined && /^--?[a-z][\w-]*$/i.test(option) && !PLACE.test(option) &&
    (IN_NAME.test(option) || WHOLE.test(option));
}

function quoted(value: string, quote: Word["quote"]): string {
  if (quote === "") return value;
  return quote === "'" ? quoteArgument(value) : `"${value.replace(/["\\$`]/g, "\\$&")}"`;
}

/** Splits a command line into words. An unclosed quote is an ordinary character. */
function* wordsOf(text: string): Generator<Word> {
  let follows = true;
  for (let at = 0; at < text.length;) {
    const blank = /^(?:[ \t\r]|\\\n)+/.exec(text.slice(at, at + 256))?.[0];
    if (blank !== undefined) {
      at += blank.length;
      continue;
    }
    if (isOperator(text.charAt(at))) {
      follows = false;
      at++;
      continue;
    }
    const start = at;
    let value = "";
    while (at < text.length && !isOperator(text.charAt(at)) && !/[ \t\r]/.test(text.charAt(at))) {
      const [piece, length] = pieceAt(text, at);
      value += piece;
      at += length;
    }
    const [first = "", second] = text.slice(start, start + 2);
    const quote = first === "$" && second === "'" ? "'" : first;
    const isQuoted = (quote === "'" || quote === '"') && value !== text.slice(start, at);
    yield { start, end: at, value, quote: isQuoted ? quote : "", follows };
    follows = true;
  }
}

function isOperator(character: string): boolean {
  return ";&|()<>\n".includes(character);
}

/** Returns the value of a piece of a word, and its length as written. */
function pieceAt(text: string, at: number): readonly [string, number] {
  const character = text.charAt(at);
  if (character === "\\" && at + 1 < text.length) {
    const next = text.charAt(at + 1);
    return [next === "\n" ? "" : next, 2];
  }
  const isDollar = character === "$" && /['"]/.test(text.charAt(at + 1));
  const open = isDollar ? at + 1 : at;
  const quote = text.charAt(open);
  if (quote === "'" || quote === '"') {
    const close = closingQuote(text, open, quote === '"' || isDollar);
    if (close !== undefined) {
      const inside = text.slice(open + 1, close);
      const value = quote === "'" && !isDollar ? inside : inside.replace(/\\([^])/g, "$1");
      return [value, close + 1 - at];
    }
  }
  return [character, 1];
}

/** @param hasEscapes true if a backslash escapes the next character */
function closingQuote(text: string, open: number, hasEscapes: boolean): number | undefined {
  const quote = text.charAt(open);
  for (let at = open + 1; at < text.length; at++) {
    if (hasEscapes && text.charAt(at) === "\\") at++;
    else if (text.charAt(at) === quote) return at;
  }
  return undefined;
}
