/**
 * Python's values on our side of the wire.
 *
 * | Python | here |
 * | --- | --- |
 * | `None`, `bool`, `str` | `null`, `boolean`, `string` |
 * | `int` | a whole `number` where it is safe, else `bigint` |
 * | `float` | {@linkcode PyFloat}; when encoding also a `number` that is not whole |
 * | `bytes`, `bytearray` | `Uint8Array`, {@linkcode PyByteArray} |
 * | `list`, `tuple` | array, {@linkcode PyTuple} |
 * | `dict`, `set`, `frozenset` | {@linkcode PyDict}, {@linkcode PySet}, {@linkcode PyFrozenSet} |
 * | class or function | {@linkcode PyGlobal}: its name, nothing behind it |
 * | instance | {@linkcode PyObject}: an inert record |
 *
 * A `str` that holds a surrogate pair as two halves becomes the one character that they make.
 *
 * @module
 */

import { type Key, keyOf } from "./keys.ts";

/** Any value of a pickle. */
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

/** A `float`, told apart from an `int` also where it is whole. */
export class PyFloat {
  /**
   * Makes one.
   *
   * @param value any number, infinities and NaN included
   */
  constructor(readonly value: number) {}
}

/** A `bytearray`. */
export class PyByteArray {
  /**
   * Makes one.
   *
   * @param bytes its content, not copied
   */
  constructor(readonly bytes: Uint8Array) {}
}

/** A `tuple`. */
export class PyTuple {
  /**
   * Makes one.
   *
   * @param items its items, not copied
   */
  constructor(readonly items: readonly PyValue[] = []) {}
}

/** A `dict`: in the order of insertion, with keys of any kind that Python can hash. */
export class PyDict {
  #entries: Map<Key, [PyValue, PyValue]> | undefined;

  /**
   * Makes one.
   *
   * @param entries keys and values; of equal keys the last one's value counts
   * @throws {PickleError} where a key can't be hashed
   */
  constructor(entries: Iterable<readonly [PyValue, PyValue]> = []) {
    for (const [key, value] of entries) this.set(key, value);
  }

  /** One whose keys are the names of an object's own properties. */
  static from(record: Readonly<Record<string, PyValue>>): PyDict {
    return new PyDict(Object.entries(record));
  }

  /** How many entries there are. */
  get size(): number {
    return this.#entries?.size ?? 0;
  }

  /** The value under a key that equals this one as Python has it: `1`, `1.0` and `True` are one. */
  get(key: PyValue): PyValue | undefined {
    return this.#entries?.get(keyOf(key))?.[1];
  }

  /** Whether there is such a key. */
  has(key: PyValue): boolean {
    return this.#entries?.has(keyOf(key)) ?? false;
  }

  /**
   * Puts a value under a key; a key that is there already stays as it is.
   *
   * @throws {PickleError} where the key can't be hashed
   */
  set(key: PyValue, value: PyValue): void {
    this.#entries ??= new Map();
    const hashed = keyOf(key);
    const entry = this.#entries.get(hashed);
    if (entry === undefined) this.#entries.set(hashed, [key, value]);
    else entry[1] = value;
  }

  /** Keys and values, in order. */
  entries(): Iterable<readonly [PyValue, PyValue]> {
    return this.#entries?.values() ?? [];
  }
}

/** What `set` and `frozenset` share: items that are all different, in the order of insertion. */
abstract class PyItems {
  #items: Map<Key, PyValue> | undefined;

  constructor(items: Iterable<PyValue> = []) {
    for (const item of items) this.insert(item);
  }

  /** How many items there are. */
  get size(): number {
    return this.#items?.size ?? 0;
  }

  /** Whether an item that equals this one is there. */
  has(item: PyValue): boolean {
    return this.#items?.has(keyOf(item)) ?? false;
  }

  /** The items, in order. */
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
   * Puts an item in, unless an equal one is there.
   *
   * @throws {PickleError} where it can't be hashed
   */
  add(item: PyValue): void {
    this.insert(item);
  }
}

/** A `frozenset`. */
export class PyFrozenSet extends PyItems {}

/** The name of a class or function. Nothing is ever looked up under it. */
export class PyGlobal {
  /**
   * Makes one.
   *
   * @param module the module, dots included
   * @param name the name in the module, dots included
   */
  constructor(readonly module: string, readonly name: string) {}

  /** Module and name with a dot between them. */
  get fullName(): string {
    return `${this.module}.${this.name}`;
  }
}

/** How Python would make an instance: without its constructor, or by a call. */
export type PyMaking = "new" | "call";

/** What a {@linkcode PyObject} is made of. */
export interface PyObjectParts {
  /** Default `"new"`. */
  readonly making?: PyMaking;
  /** Positional arguments; default none. */
  readonly args?: PyTuple;
  /** Named arguments, for `"new"` alone. */
  readonly kwargs?: PyDict;
  /** What its attributes are set from; mostly a dict. */
  readonly state?: PyValue;
}

/** An instance, or the result of a call, that stays a description of itself. */
export class PyObject {
  /** Whether Python would skip the constructor. */
  readonly making: PyMaking;
  /** Positional arguments. */
  readonly args: PyTuple;
  /** Named arguments. */
  readonly kwargs: PyDict | undefined;
  /** What its attributes are set from; mostly a dict. */
  state: PyValue | undefined;
  /** What is appended to it, where it is a kind of list. */
  readonly listItems: PyValue[] = [];
  /** What is put into it, where it is a kind of dict. */
  readonly dictItems: [PyValue, PyValue][] = [];

  /**
   * Makes one.
   *
   * @param callable the class or function; mostly a {@linkcode PyGlobal}
   * @param parts the rest
   */
  constructor(readonly callable: PyGlobal | PyObject, parts: PyObjectParts = {}) {
    this.making = parts.making ?? "new";
    this.args = parts.args ?? new PyTuple();
    this.kwargs = parts.kwargs;
    this.state = parts.state;
  }

  /**
   * An instance with attributes, made as Python makes most of them.
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

  /** The module of its class; empty where that is not named directly. */
  get module(): string {
    return this.callable instanceof PyGlobal ? this.callable.module : "";
  }

  /** The name of its class; empty where that is not named directly. */
  get name(): string {
    return this.callable instanceof PyGlobal ? this.callable.name : "";
  }

  /** Module and name with a dot between them; empty where they are not known. */
  get fullName(): string {
    return this.callable instanceof PyGlobal ? this.callable.fullName : "";
  }

  /** An attribute of that name in its state, `undefined` where there is none. */
  get(attribute: string): PyValue | undefined {
    return this.state instanceof PyDict ? this.state.get(attribute) : undefined;
  }
}
