/**
 * XML parser for XML-RPC: elements and text, within size limits.
 *
 * @module
 */

import { SaxesParser } from "saxes";

/** Thrown for text that is not valid XML-RPC. */
export class XmlRpcSyntaxError extends Error {
  override readonly name = "XmlRpcSyntaxError";
}

export interface XmlElement {
  /** Name with its prefix. Attributes are ignored. */
  readonly name: string;
  readonly children: readonly XmlElement[];
  /** All text directly inside the element. */
  readonly text: string;
}

/** Maximum nesting depth. It allows more than sixty arrays or structs inside each other. */
const MAX_DEPTH = 256;
/** Maximum number of elements in a document. */
const MAX_ELEMENTS = 200_000;

/** An element that is still being parsed. */
interface Growing {
  readonly name: string;
  readonly children: Growing[];
  text: string;
}

/**
 * Parses a document. Document types are refused, so that there are no entities to expand or to
 * fetch.
 *
 * @returns the root element
 * @throws {XmlRpcSyntaxError} if the text is not well-formed, or exceeds a limit
 */
export function parseXml(text: string): XmlElement {
  const parser = new SaxesParser();
  const open: Growing[] = [];
  let root: Growing | undefined;
  let count = 0;
  parser.on("error", (error) => {
    throw new XmlRpcSyntaxError(`not well-formed XML: ${error.message}`);
  });
  parser.on("doctype", () => {
    throw new XmlRpcSyntaxError("a document type is not allowed");
  });
  parser.on("opentag", ({ name }) => {
    if (open.length === MAX_DEPTH) throw new XmlRpcSyntaxError("nested too deeply");
    if (++count > MAX_ELEMENTS) throw new XmlRpcSyntaxError("too many elements");
    const element: Growing = { name, children: [], text: "" };
    open.at(-1)?.children.push(element);
    root ??= element;
    open.push(element);
  });
  parser.on("closetag", () => void open.pop());
  const take = (piece: string): void => {
    const element = open.at(-1);
    if (element !== undefined) element.text += piece;
  };
  parser.on("text", take);
  parser.on("cdata", take);
  parser.write(text).close();
  if (root === undefined) throw new XmlRpcSyntaxError("the document is empty");
  return root;
}
