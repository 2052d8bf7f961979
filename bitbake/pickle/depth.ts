/**
 * Measures how deeply values are nested, without recursion, so that deep nesting cannot overflow
 * the call stack.
 *
 * @module
 */

import { PyDict, PyFrozenSet, PyObject, PySet, PyTuple, type PyValue } from "./values.ts";

/**
 * Returns the parts of a value, in the order in which they are written. `undefined` if the value
 * has no parts.
 */
export function partsOf(value: PyValue): Iterable<PyValue> | undefined {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return undefined;
  if (Array.isArray(value)) return value;
  if (value instanceof PyTuple) return value.items;
  if (value instanceof PyDict) return flat(value.entries());
  if (value instanceof PySet || value instanceof PyFrozenSet) return value.values();
  if (value instanceof PyObject) return objectParts(value);
  return undefined;
}

function* flat(entries: Iterable<readonly [PyValue, PyValue]>): Generator<PyValue> {
  for (const [key, value] of entries) {
    yield key;
    yield value;
  }
}

function* objectParts(object: PyObject): Generator<PyValue> {
  yield object.callable;
  yield object.args;
  if (object.kwargs !== undefined) yield object.kwargs;
  yield* object.listItems;
  yield* flat(object.dictItems);
  if (object.state !== undefined) yield object.state;
}

/**
 * Returns true if values are nested deeper than `maxDepth`. The walk visits every container once.
 */
export function depthExceeds(value: PyValue, maxDepth: number): boolean {
  const seen = new Set<PyValue>();
  const walk: Iterator<PyValue>[] = [[value][Symbol.iterator]()];
  for (let top = walk.at(-1); top !== undefined; top = walk.at(-1)) {
    const next = top.next();
    if (next.done === true) {
      walk.pop();
      continue;
    }
    const parts = seen.has(next.value) ? undefined : partsOf(next.value);
    if (parts === undefined) continue;
    seen.add(next.value);
    walk.push(parts[Symbol.iterator]());
    if (walk.length > maxDepth + 1) return true;
  }
  return false;
}
