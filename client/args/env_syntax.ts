/**
 * Parser for env files. Follows `deno task --env-file`: Node's syntax, with substitution.
 *
 * @module
 */

/** The parsed text of an env file. */
interface EnvText {
  /** Names with values, in order. A name may occur more than once. */
  readonly variables: readonly (readonly [name: string, value: string])[];
  /** The name of a variable with a NUL character, which the system rejects. Reading stops there. */
  readonly refused?: string;
}

/** Looks up a variable that is already set. */
type FindVariable = (name: string) => string | undefined;

/**
 * Parses the text of an env file.
 *
 * Values without quotes and in double quotes are substituted. `$NAME` and `${NAME}` mean the
 * variable that is already set. If there is none, they mean the last one of that name above in the
 * file, or else an empty text. `\$` is a dollar. In double quotes `\n` is a line break. Values in
 * single quotes and in backticks are literal. Quoted values may span several lines.
 *
 * @param find looks up variables that are already set
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

/** One assignment, before substitution. */
interface Assignment {
  readonly name: string;
  readonly value: string;
  /** True if `$` is an ordinary character in the value. */
  readonly isLiteral: boolean;
}

/** Trims blanks and line breaks at both ends. Other white space belongs to names and values. */
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
    // If the value consists of blanks only, the next line becomes the value, as in the reference
    // implementation.
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

/** Returns the text after the line that contains an index. */
function behindLine(text: string, index: number): string {
  const end = text.indexOf("\n", index);
  return end < 0 ? "" : text.slice(end + 1);
}

/**
 * Parses a quoted value. Returns it with the index after the closing quote, or `undefined` if the
 * value is not quoted or the quote is not closed.
 */
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
 * Returns the index of the closing quote of a value. It is the next quote if only a comment or
 * nothing follows in its line. Otherwise it is the last quote of that line that a comment follows,
 * else the one that ends the line, else the next quote after all.
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
