/**
 * Encodes values as pickles of protocol 4, which every Python since 3.4 can load.
 *
 * A value that occurs twice is written once and referred to from then on. Shared and recursive
 * values therefore keep their identity.
 *
 * @module
 */

import { DEFAULT_LIMITS, PickleError, type PickleLimits } from "./errors.ts";
import { encodeInt } from "./integers.ts";
import { OP } from "./opcodes.ts";
import { encodeUtf8 } from "./text.ts";
import {
  PyByteArray,
  PyDict,
  PyFloat,
  PyFrozenSet,
  PyGlobal,
  PyObject,
  PySet,
  PyTuple,
  type PyValue,
} from "./values.ts";
import { PickleWriter } from "./writer.ts";

const PROTOCOL = 4;

/**
 * Encodes a value as a pickle of protocol 4.
 *
 * @param value any value; a `number` that is not whole becomes a `float`
 * @param limits the maximum depth and size
 * @throws {PickleError} if the value exceeds a limit
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { decode } from "./decode.ts";
 * import { encode } from "./encode.ts";
 *
 * assertEquals(decode(encode(["ping", 2n ** 64n])), ["ping", 2n ** 64n]);
 * ```
 */
export function encode(value: PyValue, limits: Partial<PickleLimits> = {}): Uint8Array {
  return new Encoder({ ...DEFAULT_LIMITS, ...limits }).run(value);
}

class Encoder {
  readonly #writer: PickleWriter;
  readonly #maxDepth: number;
  readonly #memo = new Map<PyValue, number>();
  /**
   * Memo indexes of classes by name. Each mention of a class is a separate {@linkcode PyGlobal}, so
   * they cannot be compared by identity.
   */
  readonly #globals = new Map<string, number>();
  #memoized = 0;
  #depth = 0;

  constructor({ maxBytes, maxDepth }: PickleLimits) {
    this.#writer = new PickleWriter(maxBytes);
    this.#maxDepth = maxDepth;
  }

  run(value: PyValue): Uint8Array {
    this.#writer.op(OP.PROTO).uint8(PROTOCOL);
    this.#value(value);
    this.#writer.op(OP.STOP);
    return this.#writer.finish();
  }

  #value(value: PyValue): void {
    if (value === null) this.#writer.op(OP.NONE);
    else if (typeof value === "boolean") this.#writer.op(value ? OP.NEWTRUE : OP.NEWFALSE);
    else if (typeof value === "number") this.#number(value);
    else if (typeof value === "bigint") this.#integer(value);
    else if (value instanceof PyFloat) this.#writer.op(OP.BINFLOAT).float64(value.value);
    else if (value instanceof PyGlobal) this.#global(value);
    else this.#shared(value);
  }

  #number(value: number): void {
    if (!Number.isSafeInteger(value)) this.#writer.op(OP.BINFLOAT).float64(value);
    else if (value >= 0 && value <= 0xff) this.#writer.op(OP.BININT1).uint8(value);
    else if (value >= 0 && value <= 0xffff) this.#writer.op(OP.BININT2).uint16(value);
    else if ((value | 0) === value) this.#writer.op(OP.BININT).int32(value);
    else this.#integer(BigInt(value));
  }

  #integer(value: bigint): void {
    const bytes = encodeInt(value);
    if (bytes.length <= 0xff) this.#writer.op(OP.LONG1).uint8(bytes.length);
    else this.#writer.op(OP.LONG4).int32(bytes.length);
    this.#writer.bytes(bytes);
  }

  #global(value: PyGlobal): void {
    const name = JSON.stringify([value.module, value.name]);
    const known = this.#globals.get(name);
    if (known !== undefined) return this.#recall(known);
    this.#value(value.module);
    this.#value(value.name);
    this.#writer.op(OP.STACK_GLOBAL);
    this.#globals.set(name, this.#memoize());
  }

  /** Encodes a value that may occur again or contain itself. */
  #shared(value: Exclude<PyValue, null | boolean | number | bigint>): void {
    const known = this.#memo.get(value);
    if (known !== undefined) return this.#recall(known);
    if (typeof value === "string") this.#text(value);
    else if (value instanceof Uint8Array) this.#bytes(value);
    else {
      if (++this.#depth > this.#maxDepth) {
        throw new PickleError(`over ${this.#maxDepth} containers are inside each other`);
      }
      this.#container(value);
      this.#depth--;
      return;
    }
    this.#remember(value);
  }

  #text(value: string): void {
    const bytes = encodeUtf8(value);
    if (bytes.length <= 0xff) this.#writer.op(OP.SHORT_BINUNICODE).uint8(bytes.length);
    else if (bytes.length <= 0xffffffff) this.#writer.op(OP.BINUNICODE).uint32(bytes.length);
    else this.#writer.op(OP.BINUNICODE8).uint64(bytes.length);
    this.#writer.bytes(bytes);
  }

  #bytes(value: Uint8Array): void {
    if (value.length <= 0xff) this.#writer.op(OP.SHORT_BINBYTES).uint8(value.length);
    else if (value.length <= 0xffffffff) this.#writer.op(OP.BINBYTES).uint32(value.length);
    else this.#writer.op(OP.BINBYTES8).uint64(value.length);
    this.#writer.bytes(value);
  }

  #container(value: Exclude<PyValue, null | boolean | number | bigint | string>): void {
    if (Array.isArray(value)) {
      this.#writer.op(OP.EMPTY_LIST);
      this.#remember(value);
      this.#many(value, OP.APPENDS);
    } else if (value instanceof PyDict) {
      this.#writer.op(OP.EMPTY_DICT);
      this.#remember(value);
      this.#entries(value.entries());
    } else if (value instanceof PySet) {
      this.#writer.op(OP.EMPTY_SET);
      this.#remember(value);
      this.#many(value.values(), OP.ADDITEMS);
    } else if (value instanceof PyTuple) this.#tuple(value);
    else if (value instanceof PyFrozenSet) {
      this.#writer.op(OP.MARK);
      for (const item of value.values()) this.#value(item);
      if (!this.#recallInstead(value, OP.POP_MARK)) {
        this.#writer.op(OP.FROZENSET);
        this.#remember(value);
      }
    } else if (value instanceof PyByteArray) {
      this.#global(new PyGlobal("builtins", "bytearray"));
      this.#bytes(value.bytes);
      this.#memoize();
      this.#writer.op(OP.TUPLE1).op(OP.REDUCE);
      this.#remember(value);
    } else if (value instanceof PyObject) this.#object(value);
    else throw new PickleError("this is no value that a pickle can hold");
  }

  #many(items: Iterable<PyValue>, opcode: number): void {
    let isOpen = false;
    for (const item of items) {
      if (!isOpen) this.#writer.op(OP.MARK);
      isOpen = true;
      this.#value(item);
    }
    if (isOpen) this.#writer.op(opcode);
  }

  #entries(entries: Iterable<readonly [PyValue, PyValue]>): void {
    let isOpen = false;
    for (const [key, value] of entries) {
      if (!isOpen) this.#writer.op(OP.MARK);
      isOpen = true;
      this.#value(key);
      this.#value(value);
    }
    if (isOpen) this.#writer.op(OP.SETITEMS);
  }

  #tuple(value: PyTuple): void {
    const { length } = value.items;
    if (length === 0) {
      this.#writer.op(OP.EMPTY_TUPLE);
      return;
    }
    this.#writer.op(OP.MARK);
    for (const item of value.items) this.#value(item);
    if (this.#recallInstead(value, OP.POP_MARK)) return;
    this.#writer.op(OP.TUPLE);
    this.#remember(value);
  }

  #object(value: PyObject): void {
    this.#value(value.callable);
    this.#value(value.args);
    if (value.making === "call") this.#writer.op(OP.REDUCE);
    else if (value.kwargs === undefined) this.#writer.op(OP.NEWOBJ);
    else {
      this.#value(value.kwargs);
      this.#writer.op(OP.NEWOBJ_EX);
    }
    if (this.#recallInstead(value, OP.POP)) return;
    this.#remember(value);
    this.#many(value.listItems, OP.APPENDS);
    this.#entries(value.dictItems);
    if (value.state === undefined) return;
    this.#value(value.state);
    this.#writer.op(OP.BUILD);
  }

  /**
   * Discards a value from the stack and recalls it, if it was already written while its own parts
   * were. This happens to a recursive tuple, frozenset or instance, which cannot be filled after
   * its creation.
   */
  #recallInstead(value: PyValue, opcode: number): boolean {
    const known = this.#memo.get(value);
    if (known === undefined) return false;
    this.#writer.op(opcode);
    this.#recall(known);
    return true;
  }

  #remember(value: PyValue): void {
    this.#memo.set(value, this.#memoize());
  }

  #memoize(): number {
    this.#writer.op(OP.MEMOIZE);
    return this.#memoized++;
  }

  #recall(index: number): void {
    if (index <= 0xff) this.#writer.op(OP.BINGET).uint8(index);
    else this.#writer.op(OP.LONG_BINGET).uint32(index);
  }
}
