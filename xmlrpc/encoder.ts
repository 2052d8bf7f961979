/**
 * Encoder for XML-RPC calls, responses and faults.
 *
 * @module
 */

import { isStruct, type XmlRpcFault, type XmlRpcValue } from "./values.ts";

const HEAD = "<?xml version='1.0'?>\n";
const MAX_INT = 2 ** 31 - 1;
const MIN_INT = -(2 ** 31);

/**
 * Encodes a call.
 *
 * @throws {TypeError} if a number is infinite or NaN, which XML-RPC cannot represent
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { encodeCall } from "./encoder.ts";
 * import { decodeCall } from "./decoder.ts";
 *
 * const call = { method: "runCommand", params: [["ping"], { a: 1.5, b: null }] };
 * assertEquals(decodeCall(encodeCall(call.method, call.params)), call);
 * ```
 */
export function encodeCall(method: string, params: readonly XmlRpcValue[]): string {
  const body = params.map((param) => `<param>${encodeValue(param)}</param>`).join("");
  return `${HEAD}<methodCall><methodName>${escapeText(method)}</methodName>` +
    `<params>${body}</params></methodCall>\n`;
}

/**
 * Encodes the response to a call.
 *
 * @throws {TypeError} as {@linkcode encodeCall}
 */
export function encodeResponse(value: XmlRpcValue): string {
  const body = `<params><param>${encodeValue(value)}</param></params>`;
  return `${HEAD}<methodResponse>${body}</methodResponse>\n`;
}

/** Encodes the response to a call that failed. */
export function encodeFault({ code, message }: XmlRpcFault): string {
  const body = encodeValue({ faultCode: code, faultString: message });
  return `${HEAD}<methodResponse><fault>${body}</fault></methodResponse>\n`;
}

function encodeValue(value: XmlRpcValue): string {
  return `<value>${typed(value)}</value>`;
}

function typed(value: XmlRpcValue): string {
  if (value === null) return "<nil/>";
  if (typeof value === "boolean") return `<boolean>${value ? 1 : 0}</boolean>`;
  if (typeof value === "number") return number(value);
  if (typeof value === "string") return `<string>${escapeText(value)}</string>`;
  if (value instanceof Uint8Array) return `<base64>${value.toBase64()}</base64>`;
  if (!isStruct(value)) return `<array><data>${value.map(encodeValue).join("")}</data></array>`;
  const members = Object.entries(value).map(([name, each]) =>
    `<member><name>${escapeText(name)}</name>${encodeValue(each)}</member>`
  );
  return `<struct>${members.join("")}</struct>`;
}

function number(value: number): string {
  if (Number.isInteger(value) && value >= MIN_INT && value <= MAX_INT) {
    return `<int>${value + 0}</int>`;
  }
  if (!Number.isFinite(value)) throw new TypeError(`XML-RPC has no number ${value}`);
  return `<double>${value}</double>`;
}

/** Escapes text for XML. Characters that XML cannot contain become the replacement character. */
function escapeText(text: string): string {
  return text.toWellFormed()
    // deno-lint-ignore no-control-regex -- these are the characters that XML 1.0 forbids
    .replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, "\ufffd")
    .replace(/[&<>\r]/g, (character) => ESCAPES[character] ?? character);
}

/** A carriage return is escaped, since an XML parser would turn it into a newline. */
const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  "\r": "&#13;",
};
