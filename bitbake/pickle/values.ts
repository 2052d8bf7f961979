/**
 * Represents Python's values in TypeScript.
 *
 * | Python | TypeScript |
 * | --- | --- |
 * | `None`, `bool`, `str` | `null`, `boolean`, `string` |
 * | `int` | a whole `number` if it is a safe integer, else `bigint` |
 * | `float` | {@linkcode PyFloat}; when encoding also a `number` that is not whole |
 * | `bytes`, `bytearray` | `Uint8Array`, {@linkcode PyByteArray} |
 * | `list`, `tuple` | array, {@linkcode PyTuple} |
 * | `dict`, `set`, `frozenset` | {@linkcode PyDict}, {@linkcode PySet}, {@linkcode PyFrozenSet} |
 * | class or function | {@linkcode PyGlobal}: only its name |
 * | instance | {@linkcode PyObject}: an inert record |
 *
 * If a `str` holds a surrogate pair as two halves, they become the one character that they encode.
 *
 * @module
 */

import { type Key, keyOf } from "./keys.ts";

/** Any value that a pickle can hold. */
export type PyValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PyValue[]
  | PyFloat
  | PyByteArray
  | PyTuple
  | PyDict
  | PySet
  | PyFrozenSet
  | PyGlobal
  | PyObject;

/** A `float`. A class of its own distinguishes it from an `int` even if its value is whole. */
export class PyFloat {
  /**
   * Wraps a number.
   *
   * @param value any number, including infinities and NaN
   */
  constructor(readonly value: number) {}
}

/** A `bytearray`. */
export class PyByteArray {
  /**
   * Wraps bytes.
   *
   * @param bytes the content, not copied
   */
  constructor(readonly bytes: Uint8Array) {}
}

/** A `tuple`. */
export class PyTuple {
  /**
   * Wraps items.
   *
   * @param items the items, not copied
   */
  constructor(readonly items: readonly PyValue[] = []) {}
}

/**
 * A `dict`. Entries are in the order of insertion, and keys are of any type that Python can hash.
 */
export class PyDict {
  #entries: Map<Key, [PyValue, PyValue]> | undefined;

  /**
   * Creates a dict.
   *
   * @param entries keys and values; the last value of equal keys applies
   * @throws {PickleError} if a key cannot be hashed
   */
  constructor(entries: Iterable<readonly [PyValue, PyValue]> = []) {
    for (const [key, value] of entries) this.set(key, value);
  }

  /** Creates a dict from the own properties of an object. */
  static from(record: Readonly<Record<string, PyValue>>): PyDict {
    return new PyDict(Object.entries(record));
  }

  /** The number of entries. */
  get size(): number {
    return this.#entries?.size ?? 0;
  }

  /**
   * Returns the value of a key. Keys are compared as in Python: `1`, `1.0` and `True` are equal.
   */
  get(key: PyValue): PyValue | undefined {
    return this.#entries?.get(keyOf(key))?.[1];
  }

  /** Returns true if the dict has an equal key. */
  has(key: PyValue): boolean {
    return this.#entries?.has(keyOf(key)) ?? false;
  }

  /**
   * Sets the value of a key. If an equal key exists, it is not replaced.
   *
   * @throws {PickleError} if the key cannot be hashed
   */
  set(key: PyValue, value: PyValue): void {
    this.#entries ??= new Map();
    const hashed = keyOf(key);
    const entry = this.#entries.get(hashed);
    if (entry === undefined) this.#entries.set(hashed, [key, value]);
    else entry[1] = value;
  }

  /** Returns the keys and values, in the order of insertion. */
  entries(): Iterable<readonly [PyValue, PyValue]> {
    return this.#entries?.values() ?? [];
  }
}

/** The common base of `set` and `frozenset`: distinct items, in the order of insertion. */
abstract class PyItems {
  #items: Map<Key, PyValue> | undefined;

  constructor(items: Iterable<PyValue> = []) {
    for (const item of items) this.insert(item);
  }

  /** The number of items. */
  get size(): number {
    return this.#items?.size ?? 0;
  }

  /** Returns true if the set has an equal item. */
  has(item: PyValue): boolean {
    return this.#items?.has(keyOf(item)) ?? false;
  }

  /** Returns the items, in the order of insertion. */
  values(): Iterable<PyValue> {
    return this.#items?.values() ?? [];
  }

  protected insert(item: PyValue): void {
    this.#items ??= new Map();
    const hashed = keyOf(item);
    if (!this.#items.has(hashed)) this.#items.set(hashed, item);
  }
}

/** A `set`. */
export class PySet extends PyItems {
  /**
   * Adds an item, unless an equal one is present.
   *
   * @throws {PickleError} if the item cannot be hashed
   */
  add(item: PyValue): void {
    this.insert(item);
  }
}

/** A `frozenset`. */
export class PyFrozenSet extends PyItems {}

/** The name of a class or function. It is never looked up. */
export class PyGlobal {
  /**
   * Creates a name.
   *
   * @param module the module, dots included
   * @param name the name in the module, dots included
   */
  constructor(readonly module: string, readonly name: string) {}

  /** The module and the name, joined by a dot. */
  get fullName(): string {
    return `${this.module}.${this.name}`;
  }
}

/** The way in which Python would create an instance: without its constructor, or by a call. */
export type PyMaking = "new" | "call";

/** The parts of a {@linkcode PyObject}. */
export interface PyObjectParts {
  /** Default `"new"`. */
  readonly making?: PyMaking;
  /** Positional arguments; default none. */
  readonly args?: PyTuple;
  /** Named arguments, for `"new"` only. */
  readonly kwargs?: PyDict;
  /** The state that the attributes are set from; usually a dict. */
  readonly state?: PyValue;
}

/** An instance, or the result of a call. It is an inert description and nothing is executed. */
export class PyObject {
  /** `"new"` if Python would skip the constructor. */
  readonly making: PyMaking;
  /** Positional arguments. */
  readonly args: PyTuple;
  /** Named arguments. */
  readonly kwargs: PyDict | undefined;
  /** The state that the attributes are set from; usually a dict. */
  state: PyValue | undefined;
  /** Items that are appended to the instance, if it is a kind of list. */
  readonly listItems: PyValue[] = [];
  /** Entries that are put into the instance, if it is a kind of dict. */
  readonly dictItems: [PyValue, PyValue][] = [];

  /**
   * Creates a record.
   *
   * @param callable the class or function; usually a {@linkcode PyGlobal}
   * @param parts the other parts
   */
  constructor(readonly callable: PyGlobal | PyObject, parts: PyObjectParts = {}) {
    this.making = parts.making ?? "new";
    this.args = parts.args ?? new PyTuple();
    this.kwargs = parts.kwargs;
    this.state = parts.state;
  }

  /**
   * Creates an instance with attributes, in the form in which Python pickles most instances.
   *
   * @example
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { PyObject } from "./values.ts";
   *
   * const event = PyObject.of("bb.command", "CommandExit", { exitcode: 1 });
   * assertEquals([event.fullName, event.get("exitcode")], ["bb.command.CommandExit", 1]);
   * ```
   */
  static of(
    module: string,
    name: string,
    attributes: Readonly<Record<string, PyValue>> = {},
  ): PyObject {
    return new PyObject(new PyGlobal(module, name), { state: PyDict.from(attributes) });
  }

  /** The module of the class. Empty if the class is not named directly. */
  get module(): string {
    return this.callable instanceof PyGlobal ? this.callable.module : "";
  }

  /** The name of the class. Empty if the class is not named directly. */
  get name(): string {
    return this.callable instanceof PyGlobal ? this.callable.name : "";
  }

  /** The module and the name, joined by a dot. Empty if the class is not named directly. */
  get fullName(): string {
    return this.callable instanceof PyGlobal ? this.callable.fullName : "";
  }

  /** Returns an attribute from the state, or `undefined` if there is none. */
  get(attribute: string): PyValue | undefined {
    return this.state instanceof PyDict ? this.state.get(attribute) : undefined;
  }
}
