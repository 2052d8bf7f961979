/**
 * XML-RPC values, and their conversion from and to JSON.
 *
 * @module
 */

/**
 * A value of XML-RPC. Integers of up to 32 bits are sent as `int`, other numbers as `double`. Dates
 * are received as text.
 */
export type XmlRpcValue =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly XmlRpcValue[]
  | XmlRpcStruct;

interface XmlRpcStruct {
  readonly [name: string]: XmlRpcValue;
}

/** A failed call. It is sent as an XML-RPC fault. */
export class XmlRpcFault extends Error {
  override readonly name = "XmlRpcFault";
  /** The fault's number. */
  readonly code: number;

  /** @param code default: 1, the only code that clients of this kind know */
  constructor(message: string, code = 1) {
    super(message);
    this.code = code;
  }
}

/** Returns true if a value is a struct. */
export function isStruct(value: XmlRpcValue | undefined): value is XmlRpcStruct {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Uint8Array);
}

/** Converts a JSON value to XML-RPC. Members that are `undefined` are omitted. */
export function fromJson(value: unknown): XmlRpcValue {
  switch (typeof value) {
    case "boolean":
    case "number":
    case "string":
      return value;
    case "object":
      if (value === null || value instanceof Uint8Array) return value;
      if (Array.isArray(value)) return value.map(fromJson);
      return Object.fromEntries(
        Object.entries(value)
          .filter(([, member]) => member !== undefined)
          .map(([name, member]) => [name, fromJson(member)]),
      );
    default:
      return null;
  }
}

/** Converts an XML-RPC value to JSON. Bytes become base64. */
export function toJson(value: XmlRpcValue): unknown {
  if (value instanceof Uint8Array) return value.toBase64();
  if (Array.isArray(value)) return value.map((each: XmlRpcValue) => toJson(each));
  if (!isStruct(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, toJson(each)]));
}
