/**
 * XML as far as XML-RPC needs it: elements and text, within limits.
 *
 * @module
 */

import { SaxesParser } from "saxes";

/** Text that is not what it should be. */
export class XmlRpcSyntaxError extends Error {
  override readonly name = "XmlRpcSyntaxError";
}

/** An element. */
export interface XmlElement {
  /** Its name, prefix included; attributes are passed over. */
  readonly name: string;
  readonly children: readonly XmlElement[];
  /** All text directly in it. */
  readonly text: string;
}

/** Elements inside each other at the most: more than sixty arrays or structs. */
const MAX_DEPTH = 256;
/** Elements of a document at the most. */
const MAX_ELEMENTS = 200_000;

/** An element that is being read. */
interface Growing {
  readonly name: string;
  readonly children: Growing[];
  text: string;
}

/**
 * Reads a document. Document types are refused, so that there is nothing to expand or to fetch.
 *
 * @returns its root
 * @throws {XmlRpcSyntaxError} where it is not well-formed, or beyond a limit
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
    if (open.length === MAX_DEPTH) throw new XmlRpcSyntaxError("too deep");
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
  if (root === undefined) throw new XmlRpcSyntaxError("an empty document");
  return root;
}
