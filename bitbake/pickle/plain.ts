/**
 * Converts decoded values to JSON for display. Values that JSON cannot represent are approximated.
 *
 * @module
 */

import { partsOf } from "./depth.ts";
import { PyByteArray, PyDict, PyFloat, PyGlobal, PyObject, type PyValue } from "./values.ts";

/** Limits of the conversion. `"…"` replaces everything beyond them. */
export interface PlainLimits {
  /** The maximum nesting depth of containers; default 32. */
  readonly maxDepth?: number;
  /** The maximum number of values; default 100,000. */
  readonly maxValues?: number;
}

/**
 * Converts a value to JSON.
 *
 * Tuples and sets become arrays. Ints beyond 2^53 and floats that are not finite become texts.
 * Bytes become `{"$bytes": base64}`. A dict whose keys are not all texts becomes
 * `{"$dict": [[key, value], …]}`. A class becomes its name, and an instance becomes
 * `{"$class": name, …attributes}`. A value inside itself becomes `"…"`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { toPlain } from "./plain.ts";
 * import { PyObject, PyTuple } from "./values.ts";
 *
 * const event = PyObject.of("bb.event", "BuildInit", { pid: 7, names: new PyTuple(["a"]) });
 * assertEquals(toPlain(event), { $class: "bb.event.BuildInit", pid: 7, names: ["a"] });
 * ```
 */
export function toPlain(value: PyValue, limits: PlainLimits = {}): unknown {
  return new Plain(limits).of(value);
}

const CUT = "…";

class Plain {
  readonly #maxDepth: number;
  readonly #open = new Set<PyValue>();
  #left: number;

  constructor({ maxDepth = 32, maxValues = 100_000 }: PlainLimits) {
    this.#maxDepth = maxDepth;
    this.#left = maxValues;
  }

  of(value: PyValue): unknown {
    if (--this.#left < 0) return CUT;
    if (typeof value === "bigint") return value.toString();
    if (typeof value === "number") return numberOf(value);
    if (typeof value !== "object" || value === null) return value;
    if (value instanceof PyFloat) return numberOf(value.value);
    if (value instanceof Uint8Array) return { $bytes: value.toBase64() };
    if (value instanceof PyByteArray) return { $bytes: value.bytes.toBase64() };
    if (value instanceof PyGlobal) return value.fullName;
    if (this.#open.has(value) || this.#open.size >= this.#maxDepth) return CUT;
    this.#open.add(value);
    const plain = this.#container(value);
    this.#open.delete(value);
    return plain;
  }

  #container(value: PyValue): unknown {
    if (value instanceof PyDict) return this.#dict(value.entries());
    if (value instanceof PyObject) return this.#object(value);
    const items: unknown[] = [];
    for (const item of partsOf(value) ?? []) {
      items.push(this.of(item));
      if (this.#left < 0) break;
    }
    return items;
  }

  #dict(entries: Iterable<readonly [PyValue, PyValue]>): unknown {
    const all: [unknown, unknown][] = [];
    let isPlain = true;
    for (const [key, value] of entries) {
      isPlain &&= typeof key === "string";
      all.push([this.of(key), this.of(value)]);
      if (this.#left < 0) break;
    }
    return isPlain ? Object.fromEntries(all) : { $dict: all };
  }

  #object(value: PyObject): unknown {
    const name = value.fullName === "" ? this.of(value.callable) : value.fullName;
    const entries: [string, unknown][] = [["$class", name]];
    if (value.args.items.length > 0) entries.push(["$args", this.of(value.args)]);
    if (value.kwargs !== undefined) entries.push(["$kwargs", this.of(value.kwargs)]);
    if (value.listItems.length > 0) entries.push(["$items", this.of(value.listItems)]);
    if (value.dictItems.length > 0) entries.push(["$dict", this.#dict(value.dictItems)]);
    if (value.state instanceof PyDict && isNamed(value.state)) {
      for (const [key, part] of value.state.entries()) entries.push([`${key}`, this.of(part)]);
    } else if (value.state !== undefined) entries.push(["$state", this.of(value.state)]);
    return Object.fromEntries(entries);
  }
}

function isNamed(state: PyDict): boolean {
  for (const [key] of state.entries()) if (typeof key !== "string") return false;
  return true;
}

function numberOf(value: number): unknown {
  if (Number.isFinite(value)) return value;
  return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
}
