/**
 * The syntax of env files, as `deno task --env-file` reads it: Node's, with substitution.
 *
 * @module
 */

/** What an env file says. */
interface EnvText {
  /** Names with values, in order; a name may occur more than once. */
  readonly variables: readonly (readonly [name: string, value: string])[];
  /** A variable that the system cannot take; what follows it is not read. */
  readonly refused?: string;
}

/** Finds a variable that is set already. */
type FindVariable = (name: string) => string | undefined;

/**
 * Reads the text of an env file.
 *
 * Values without quotes and in double quotes are substituted: `$NAME` and `${NAME}` mean the
 * variable that is set already, otherwise the last one of that name above in the file, otherwise
 * nothing; `\$` is a dollar. In double quotes `\n` is a line break. Values in single quotes and in
 * backticks are literal. Values in quotes may have several lines.
 *
 * @param find finds variables that are set already
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { readEnvText } from "./env_syntax.ts";
 *
 * const text = "A=one\nB=${A}/$HOME # comment\nC='$A'\n";
 * assertEquals(readEnvText(text, (name) => name === "HOME" ? "home" : undefined).variables, [
 *   ["A", "one"],
 *   ["B", "one/home"],
 *   ["C", "$A"],
 * ]);
 * ```
 */
export function readEnvText(text: string, find: FindVariable): EnvText {
  const variables: (readonly [string, string])[] = [];
  const above = new Map<string, string>();
  const substitute = (value: string): string =>
    value.replace(/\\\$|\$\{([^}]*)\}?|\$([A-Za-z0-9_]*)/g, (all, braced?: string, bare = "") => {
      if (all === "\\$") return "$";
      const name: string = braced ?? bare;
      return find(name) ?? above.get(name) ?? "";
    });
  for (const { name, value, isLiteral } of assignments(text)) {
    const final = isLiteral ? value : substitute(value);
    above.set(name, final);
    if (`${name}${final}`.includes("\0")) return { variables, refused: name };
    variables.push([name, final]);
  }
  return { variables };
}

/** A variable as it is written. */
interface Assignment {
  readonly name: string;
  readonly value: string;
  /** Whether `$` is an ordinary character in it. */
  readonly isLiteral: boolean;
}

/** Blanks and line breaks at both ends; other white space belongs to names and values. */
function trim(text: string): string {
  return text.replace(/^[ \t\n]+|[ \t\n]+$/g, "");
}

function* assignments(text: string): Generator<Assignment> {
  let rest = trim(text.replaceAll("\r", ""));
  while (rest !== "") {
    if (/^[\n#]/.test(rest)) {
      rest = behindLine(rest, 0);
      continue;
    }
    const end = rest.search(/[=\n]/);
    if (end < 0) return;
    if (rest[end] === "\n") {
      rest = trim(rest.slice(end + 1));
      continue;
    }
    const written = trim(rest.slice(0, end));
    rest = rest.slice(end + 1);
    const isEmpty = rest === "" || rest.startsWith("\n");
    // What follows a blank value may be the next line: so the reference has it.
    if (!isEmpty) rest = trim(rest);
    if (written === "") continue;
    const name = isEmpty ? written : trim(written.replace(/^export /, ""));
    if (isEmpty || rest === "") {
      yield { name, value: "", isLiteral: true };
      continue;
    }
    const quoted = quotedValue(rest);
    if (quoted !== undefined) {
      yield { name, ...quoted };
      rest = behindLine(rest, quoted.end);
      continue;
    }
    const [line = ""] = rest.split("\n", 1);
    const isOpen = /^["'`]/.test(line);
    const [value = ""] = line.split("#", 1);
    yield { name, value: isOpen ? line : trim(value), isLiteral: isOpen };
    rest = trim(rest.slice(line.length));
  }
}

/** What follows the line in which an index is. */
function behindLine(text: string, index: number): string {
  const end = text.indexOf("\n", index);
  return end < 0 ? "" : text.slice(end + 1);
}

/** A value in quotes, and the index behind the closing one; `undefined` if none is closed. */
function quotedValue(
  text: string,
): Omit<Assignment, "name"> & { readonly end: number } | undefined {
  const quote = text.charAt(0);
  if (!/["'`]/.test(quote)) return undefined;
  const close = closingQuote(text, quote);
  if (close < 0) return undefined;
  const inside = text.slice(1, close);
  const isDouble = quote === '"';
  return {
    value: isDouble ? inside.replaceAll("\\n", "\n") : inside,
    isLiteral: !isDouble,
    end: close + 1,
  };
}

/**
 * The index of the quote that closes a value: the next one, unless more than a comment follows it in
 * its line. Then it is the last one of that line that a comment follows, or that ends the line.
 */
function closingQuote(text: string, quote: string): number {
  const first = text.indexOf(quote, 1);
  if (first < 0) return first;
  const lineBreak = text.indexOf("\n", first + 1);
  const end = lineBreak < 0 ? text.length : lineBreak;
  const isEndOrComment = (index: number): "end" | "comment" | undefined => {
    const after = trim(text.slice(index + 1, end));
    return after === "" ? "end" : after.startsWith("#") ? "comment" : undefined;
  };
  if (isEndOrComment(first) !== undefined) return first;
  let atEnd: number | undefined;
  for (let index = text.lastIndexOf(quote, end - 1); index > first;) {
    const follows = isEndOrComment(index);
    if (follows === "comment") return index;
    if (follows === "end") atEnd ??= index;
    index = text.lastIndexOf(quote, index - 1);
  }
  return atEnd ?? first;
}
