/**
 * Maps Python values to keys of a JavaScript `Map`, so that values that Python considers equal get
 * the same key. Dicts and sets use them.
 *
 * Numbers are equal independently of their type. A tuple or frozenset equals one with equal items.
 * Records and very large tuples are compared by identity instead. A dict may then have two entries
 * that Python would consider one. Python merges them again when it loads the dict.
 *
 * @module
 */

import { PickleError } from "./errors.ts";
import {
  PyByteArray,
  PyDict,
  PyFloat,
  PyFrozenSet,
  PySet,
  PyTuple,
  type PyValue,
} from "./values.ts";

/**
 * A map key that is equal for equal Python values. Strings that represent another type begin with a
 * NUL.
 */
export type Key = string | number | bigint | object | null;

/**
 * The maximum length of the text that represents a tuple or frozenset. A longer one is compared by
 * identity instead of by its items.
 */
const MAX_KEY_CHARS = 1000;

/**
 * Returns the key of a value.
 *
 * @throws {PickleError} if Python cannot hash the value
 */
export function keyOf(value: PyValue): Key {
  if (typeof value === "string") return value.startsWith("\0") ? `\0s${value}` : value;
  if (value === null) return null;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "number") return numberKey(value, value);
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
  if (value instanceof PyFloat) return numberKey(value.value, value);
  if (value instanceof Uint8Array) return `\0b${latin1(value)}`;
  if (value instanceof PyTuple || value instanceof PyFrozenSet) {
    return structureOf(value, MAX_KEY_CHARS) ?? value;
  }
  const kind = unhashable(value);
  if (kind !== undefined) throw new PickleError(`a ${kind} can't be a key: Python can't hash it`);
  return value;
}

function numberKey(number: number, value: Key): Key {
  if (Number.isNaN(number)) return value;
  // A float beyond the safe ints still equals the int of the same value.
  if (Number.isInteger(number) && !Number.isSafeInteger(number)) return BigInt(number);
  return number;
}

function unhashable(value: PyValue): string | undefined {
  if (Array.isArray(value)) return "list";
  if (value instanceof PyDict) return "dict";
  if (value instanceof PySet) return "set";
  if (value instanceof PyByteArray) return "bytearray";
  return undefined;
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/**
 * Returns a text that is the same for equal tuples or frozensets. `undefined` if the text would be
 * too long, or if an item has none.
 */
function structureOf(value: PyTuple | PyFrozenSet, budget: number): string | undefined {
  const parts: string[] = [];
  let left = budget;
  for (const item of value instanceof PyTuple ? value.items : value.values()) {
    if (left <= 0) return undefined;
    const part = partOf(item, left - 1);
    if (part === undefined) return undefined;
    left -= part.length + 1;
    parts.push(part);
  }
  if (left < 0) return undefined;
  if (value instanceof PyFrozenSet) parts.sort();
  return `\0${value instanceof PyTuple ? "t" : "f"}(${parts.join(",")})`;
}

function partOf(item: PyValue, budget: number): string | undefined {
  if (item instanceof PyTuple || item instanceof PyFrozenSet) return structureOf(item, budget - 4);
  if (item instanceof Uint8Array || typeof item === "string") {
    if (item.length > budget) return undefined;
  } else if (typeof item === "bigint" && BigInt.asIntN(64, item) !== item) {
    return undefined;
  } else if (unhashable(item) !== undefined) return undefined;
  const key = keyOf(item);
  if (typeof key === "object") return key === null ? "N" : undefined;
  return typeof key === "string" ? JSON.stringify(key) : `${key}`;
}
