/**
 * Decoder for XML-RPC calls and responses. It is strict: it rejects malformed messages instead of
 * guessing their meaning.
 *
 * @module
 */

import { XmlRpcFault, type XmlRpcValue } from "./values.ts";
import { parseXml, type XmlElement, XmlRpcSyntaxError } from "./xml.ts";

/** A decoded method call. */
export interface XmlRpcCall {
  readonly method: string;
  readonly params: readonly XmlRpcValue[];
}

const MAX_INT = 2 ** 31 - 1;
const MIN_INT = -(2 ** 31);

/**
 * Decodes a call.
 *
 * @throws {XmlRpcSyntaxError} if the text is not a call
 */
export function decodeCall(text: string): XmlRpcCall {
  const { name, children, text: inner } = parseXml(text);
  expect(name, "methodCall");
  blank(name, inner);
  const [method, params, ...more] = children;
  if (method?.name !== "methodName" || more.length > 0) throw unexpected(name);
  if (params !== undefined) expect(params.name, "params");
  return { method: leaf(method).trim(), params: (params?.children ?? []).map(param) };
}

/**
 * Decodes the response to a call.
 *
 * @returns the result
 * @throws {XmlRpcFault} if the response is a fault
 * @throws {XmlRpcSyntaxError} if the text is not a response
 */
export function decodeResponse(text: string): XmlRpcValue {
  const { name, children } = parseXml(text);
  expect(name, "methodResponse");
  const body = only(name, children);
  if (body.name === "fault") throw fault(value(only("fault", body.children)));
  expect(body.name, "params");
  return param(only("params", body.children));
}

function fault(described: XmlRpcValue): XmlRpcFault {
  const { faultCode, faultString } = described as Record<string, unknown>;
  if (typeof faultCode !== "number" || typeof faultString !== "string") {
    throw new XmlRpcSyntaxError("a fault must have a faultCode and a faultString");
  }
  return new XmlRpcFault(faultString, faultCode);
}

function param(element: XmlElement): XmlRpcValue {
  expect(element.name, "param");
  return value(only("param", element.children));
}

function value(element: XmlElement): XmlRpcValue {
  expect(element.name, "value");
  const { children, text } = element;
  if (children.length === 0) return text;
  blank("value", text);
  return typed(only("value", children));
}

function typed(element: XmlElement): XmlRpcValue {
  switch (element.name) {
    case "nil":
    case "ex:nil":
      blank("nil", leaf(element));
      return null;
    case "boolean":
      return readBoolean(leaf(element).trim());
    case "int":
    case "i4":
      return readInt(leaf(element).trim());
    case "double":
      return readDouble(leaf(element).trim());
    case "string":
    case "dateTime.iso8601":
      return leaf(element);
    case "base64":
      return readBase64(leaf(element));
    case "array":
      return only("array", element.children, "data").children.map(value);
    case "struct":
      return Object.fromEntries(element.children.map(member));
    default:
      throw new XmlRpcSyntaxError(`<${element.name}> is not a type`);
  }
}

function member(element: XmlElement): [string, XmlRpcValue] {
  expect(element.name, "member");
  const [name, content, ...more] = element.children;
  if (name?.name !== "name" || content === undefined || more.length > 0) {
    throw unexpected("member");
  }
  return [leaf(name), value(content)];
}

function readBoolean(text: string): boolean {
  if (text !== "0" && text !== "1") throw new XmlRpcSyntaxError("a boolean must be 0 or 1");
  return text === "1";
}

function readInt(text: string): number {
  const number = /^[+-]?\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (number >= MIN_INT && number <= MAX_INT) return number;
  throw new XmlRpcSyntaxError("an int must be a whole number of 32 bits");
}

function readDouble(text: string): number {
  const number = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : NaN;
  if (Number.isFinite(number)) return number;
  throw new XmlRpcSyntaxError("a double must be a finite decimal number");
}

function readBase64(text: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new XmlRpcSyntaxError("base64 is not well-formed");
  }
}

/** Returns the only child element. More or fewer than one child is a syntax error. */
function only(parent: string, children: readonly XmlElement[], name?: string): XmlElement {
  const [child, ...more] = children;
  if (child === undefined || more.length > 0) throw unexpected(parent);
  if (name !== undefined) expect(child.name, name);
  return child;
}

function leaf({ name, children, text }: XmlElement): string {
  if (children.length > 0) throw unexpected(name);
  return text;
}

function expect(name: string, expected: string): void {
  if (name !== expected) {
    throw new XmlRpcSyntaxError(`expected <${expected}>, found <${name}>`);
  }
}

function blank(name: string, text: string): void {
  if (text.trim() !== "") throw new XmlRpcSyntaxError(`unexpected text in <${name}>`);
}

function unexpected(name: string): XmlRpcSyntaxError {
  return new XmlRpcSyntaxError(`<${name}> has invalid content`);
}
