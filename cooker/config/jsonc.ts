/**
 * Config text to a syntax tree, and a place in it to a line and a column.
 *
 * The first step of every run: what is read here becomes tasks in `tasks.ts`. Positions are kept so
 * that a mistake is reported where it is.
 *
 * @module
 */

import { type Node, type ParseError, parseTree, printParseErrorCode } from "jsonc-parser";
import { MAX_CONFIG_DEPTH, tooDeepAt } from "../../project/config_text.ts";
import { projectError, type WireError } from "../../wire/errors.ts";

/** A piece of config syntax, with its place in the text. */
export type ConfigNode = Node;

/** A config file as it was read. */
export interface ConfigText {
  /** Absolute path. */
  readonly file: string;
  readonly text: string;
}

/** What a file's grammar allows. */
type Grammar = "json" | "jsonc";

const MISTAKES: Readonly<Record<string, string>> = {
  InvalidSymbol: "unexpected word",
  InvalidNumberFormat: "invalid number",
  PropertyNameExpected: "a property name in double quotes is expected",
  ValueExpected: "a value is expected",
  ColonExpected: "a colon is expected",
  CommaExpected: "a comma is expected",
  CloseBraceExpected: "a closing brace is expected",
  CloseBracketExpected: "a closing bracket is expected",
  EndOfFileExpected: "the end of the file is expected",
  InvalidCommentToken: "comments are not allowed here",
  UnexpectedEndOfComment: "the comment is not closed",
  UnexpectedEndOfString: "the string is not closed",
  UnexpectedEndOfNumber: "the number is not complete",
  InvalidUnicode: "invalid unicode escape",
  InvalidEscapeCharacter: "invalid escape",
  InvalidCharacter: "invalid character",
};

/**
 * Parses a config file.
 *
 * `jsonc` is what `deno.json` and `deno.jsonc` are both read as: comments, trailing commas, and
 * also missing ones. `json` is strict.
 *
 * @returns the root node; `undefined` where the file holds nothing
 * @throws {WireError} `projectError` of kind `invalid-config` at the first mistake, or if it is
 *   nested deeper than {@linkcode MAX_CONFIG_DEPTH}
 */
export function parseConfig(source: ConfigText, grammar: Grammar): ConfigNode | undefined {
  const isStrict = grammar === "json";
  const deepAt = tooDeepAt(source.text);
  if (deepAt !== undefined) {
    throw invalidConfig(source, deepAt, `nested deeper than ${MAX_CONFIG_DEPTH} levels`);
  }
  const mistakes: ParseError[] = [];
  const root = parseTree(withoutMark(source.text), mistakes, {
    disallowComments: isStrict,
    allowTrailingComma: !isStrict,
    allowEmptyContent: true,
  });
  for (const { error, offset } of mistakes) {
    const code = printParseErrorCode(error);
    if (code === "CommaExpected" && !isStrict) continue;
    throw invalidConfig(source, offset, MISTAKES[code] ?? "this is not JSON");
  }
  return root;
}

/** A byte order mark counts as a blank, so that offsets stay right. */
function withoutMark(text: string): string {
  return text.startsWith("\ufeff") ? ` ${text.slice(1)}` : text;
}

/**
 * The members of an object node; of a name that is there twice the last one counts, at the first
 * one's place. Empty for any other node.
 */
export function membersOf(node: ConfigNode | undefined): Map<string, ConfigNode> {
  const members = new Map<string, ConfigNode>();
  if (node?.type !== "object") return members;
  for (const property of node.children ?? []) {
    const [name, value] = property.children ?? [];
    if (name !== undefined && value !== undefined) members.set(String(name.value), value);
  }
  return members;
}

/** The text of a string node, `undefined` for any other. */
export function stringOf(node: ConfigNode | undefined): string | undefined {
  return node?.type === "string" ? String(node.value) : undefined;
}

/** What a node is, as a sentence says it. */
export function describeNode(node: ConfigNode): string {
  switch (node.type) {
    case "array":
      return "a list";
    case "object":
      return "an object";
    case "null":
      return "null";
    default:
      return `the ${node.type} ${JSON.stringify(node.value)}`;
  }
}

/** Line and column of an offset, both from 1; columns count UTF-16 units as editors do. */
export function placeOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf("\n") + 1;
  return { line: before.split("\n").length, column: offset - lineStart + 1 };
}

/** The error for a mistake at an offset of a config file. */
export function invalidConfig(source: ConfigText, offset: number, mistake: string): WireError {
  const { file, text } = source;
  const { line, column } = placeOf(text, offset);
  return projectError(`Invalid config: ${file}:${line}:${column}: ${mistake}`, {
    kind: "invalid-config",
    file,
    line,
    column,
  });
}
