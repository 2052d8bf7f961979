/**
 * XML-RPC's values, and how they stand for JSON's.
 *
 * @module
 */

/**
 * A value of XML-RPC. Integers that 32 bits hold travel as `int`, other numbers as `double`;
 * dates come in as their text.
 */
export type XmlRpcValue =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly XmlRpcValue[]
  | XmlRpcStruct;

/** A struct of XML-RPC. */
interface XmlRpcStruct {
  readonly [name: string]: XmlRpcValue;
}

/** What was asked for can't be done: travels as a fault. */
export class XmlRpcFault extends Error {
  override readonly name = "XmlRpcFault";
  /** The fault's number. */
  readonly code: number;

  /** @param code default: 1, which clients of this kind know no other than */
  constructor(message: string, code = 1) {
    super(message);
    this.code = code;
  }
}

/** Whether a value is a struct. */
export function isStruct(value: XmlRpcValue | undefined): value is XmlRpcStruct {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Uint8Array);
}

/** A JSON value as XML-RPC has it; members that are `undefined` are left out. */
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

/** An XML-RPC value as JSON has it; bytes become base64. */
export function toJson(value: XmlRpcValue): unknown {
  if (value instanceof Uint8Array) return value.toBase64();
  if (Array.isArray(value)) return value.map((each: XmlRpcValue) => toJson(each));
  if (!isStruct(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, toJson(each)]));
}
