/**
 * Parses the text of `deno.json` and `package.json` files into a syntax tree, and converts offsets
 * in the text to lines and columns.
 *
 * This is the first step of every run. `tasks.ts` turns the tree into tasks. Nodes keep their
 * positions, so that an error message can name the line and column of a mistake.
 *
 * @module
 */

import { type Node, type ParseError, parseTree, printParseErrorCode } from "jsonc-parser";
import { MAX_CONFIG_DEPTH, tooDeepAt } from "../../project/config_text.ts";
import { projectError, type WireError } from "../../wire/errors.ts";

/** A node of the syntax tree, with its position in the text. */
export type ConfigNode = Node;

/** The path and the text of a config file. */
export interface ConfigText {
  /** Absolute path. */
  readonly file: string;
  readonly text: string;
}

/** The grammar of a config file. */
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
 * The grammar `jsonc` is used for both `deno.json` and `deno.jsonc`. It allows comments, trailing
 * commas and missing commas. The grammar `json` is strict.
 *
 * @returns the root node; `undefined` if the file is empty
 * @throws {WireError} `projectError` of kind `invalid-config` at the first mistake, or if the text
 *   is nested deeper than {@linkcode MAX_CONFIG_DEPTH}
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

/** Replaces a byte order mark by a blank, so that offsets stay right. */
function withoutMark(text: string): string {
  return text.startsWith("\ufeff") ? ` ${text.slice(1)}` : text;
}

/**
 * Returns the members of an object node, and an empty map for any other node. If a name occurs
 * twice, the last value counts, at the position of the first one.
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

/** Returns the text of a string node, and `undefined` for any other node. */
export function stringOf(node: ConfigNode | undefined): string | undefined {
  return node?.type === "string" ? String(node.value) : undefined;
}

/** Describes a node for an error message, as in "but found a list". */
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

/**
 * Returns the line and column of an offset, both counted from 1. Columns count UTF-16 units, as
 * editors do.
 */
export function placeOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf("\n") + 1;
  return { line: before.split("\n").length, column: offset - lineStart + 1 };
}

/** Creates the error for a mistake at an offset of a config file. */
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
