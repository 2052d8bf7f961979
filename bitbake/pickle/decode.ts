/**
 * Decodes pickles. A pickle is a program for a stack machine. This file implements that machine,
 * but never looks up a class or executes Python code.
 *
 * A reference to a class or function becomes a {@linkcode PyGlobal}. An instruction that would
 * create an instance or call a function becomes a {@linkcode PyObject}. Both are only data.
 * Extension codes and persistent ids are refused, because only the program that wrote them knows
 * their meaning.
 *
 * @module
 */

import { depthExceeds } from "./depth.ts";
import { DEFAULT_LIMITS, PickleError, type PickleLimits } from "./errors.ts";
import { decodeInt, parseFloatText, parseInteger } from "./integers.ts";
import { OP } from "./opcodes.ts";
import { PickleReader } from "./reader.ts";
import { callOf, globalOf } from "./reduce.ts";
import { decodeAscii, decodeLatin1, decodeQuoted, decodeRawUnicode, decodeUtf8 } from "./text.ts";
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

/** The limits, and the buffers that a pickle of protocol 5 may refer to. */
export interface DecodeOptions extends Partial<PickleLimits> {
  /** The out-of-band buffers, in order; default none. */
  readonly buffers?: Iterable<Uint8Array>;
}

/**
 * Decodes a pickle of protocol 0 to 5. No class is looked up and no code runs.
 *
 * @param bytes exactly one pickle
 * @param options limits to tighten, and out-of-band buffers
 * @throws {PickleError} if the bytes are not a pickle, exceed a limit, or need a refused
 *   instruction
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { decode } from "./decode.ts";
 *
 * const bytes = Uint8Array.fromHex("80045d94288c0470696e67944b02652e");
 * assertEquals(decode(bytes), ["ping", 2]);
 * ```
 */
export function decode(bytes: Uint8Array, options: DecodeOptions = {}): PyValue {
  return new Machine(bytes, options).run();
}

class Machine {
  readonly #reader: PickleReader;
  readonly #limits: PickleLimits;
  readonly #buffers: Iterator<Uint8Array>;
  readonly #memo = new Map<number, PyValue>();
  readonly #stack: PyValue[] = [];
  /** Heights of the stack at the open marks. */
  readonly #marks: number[] = [];
  #protocol = 0;
  #containers = 0;

  constructor(bytes: Uint8Array, options: DecodeOptions) {
    this.#limits = { ...DEFAULT_LIMITS, ...options };
    this.#buffers = (options.buffers ?? [])[Symbol.iterator]();
    if (bytes.length > this.#limits.maxBytes) {
      throw new PickleError(`the pickle has over ${this.#limits.maxBytes} bytes`);
    }
    this.#reader = new PickleReader(bytes);
  }

  run(): PyValue {
    while (true) {
      const opcode = this.#reader.uint8();
      if (opcode === OP.STOP) break;
      if (!this.#scalar(opcode) && !this.#structure(opcode)) this.#refuse(opcode);
    }
    const value = this.#pop();
    if (this.#reader.left > 0) {
      throw new PickleError(`${this.#reader.left} bytes stand behind the pickle's end`);
    }
    const { maxDepth } = this.#limits;
    // If there are no more than `maxDepth` containers, the depth cannot exceed it.
    if (this.#containers > maxDepth && depthExceeds(value, maxDepth)) {
      throw new PickleError(`over ${maxDepth} containers are inside each other`);
    }
    return value;
  }

  /** Executes the opcodes that push a value without parts, and those that structure the stream. */
  #scalar(opcode: number): boolean {
    const reader = this.#reader;
    switch (opcode) {
      case OP.SHORT_BINUNICODE:
        return this.#push(decodeUtf8(reader.bytes(reader.uint8())));
      case OP.BINUNICODE:
        return this.#push(decodeUtf8(reader.bytes(reader.uint32())));
      case OP.BINUNICODE8:
        return this.#push(decodeUtf8(reader.bytes(reader.uint64())));
      case OP.UNICODE:
        return this.#push(decodeRawUnicode(reader.line()));
      case OP.NONE:
        return this.#push(null);
      case OP.NEWTRUE:
        return this.#push(true);
      case OP.NEWFALSE:
        return this.#push(false);
      case OP.BININT1:
        return this.#push(reader.uint8());
      case OP.BININT2:
        return this.#push(reader.uint16());
      case OP.BININT:
        return this.#push(reader.int32());
      case OP.LONG1:
        return this.#push(decodeInt(reader.bytes(reader.uint8())));
      case OP.LONG4:
        return this.#push(decodeInt(reader.bytes(this.#intLength(reader.int32()))));
      case OP.INT:
        return this.#push(this.#intLine());
      case OP.LONG:
        return this.#push(this.#digits());
      case OP.BINFLOAT:
        return this.#push(new PyFloat(reader.float64()));
      case OP.FLOAT:
        return this.#push(new PyFloat(parseFloatText(decodeLatin1(reader.line()))));
      case OP.SHORT_BINBYTES:
        return this.#push(reader.bytes(reader.uint8()).slice());
      case OP.BINBYTES:
        return this.#push(reader.bytes(reader.uint32()).slice());
      case OP.BINBYTES8:
        return this.#push(reader.bytes(reader.uint64()).slice());
      case OP.BYTEARRAY8:
        return this.#push(new PyByteArray(reader.bytes(reader.uint64()).slice()));
      case OP.STRING:
        return this.#push(decodeAscii(decodeQuoted(reader.line())));
      case OP.SHORT_BINSTRING:
        return this.#push(decodeAscii(reader.bytes(reader.uint8())));
      case OP.BINSTRING: {
        const length = reader.int32();
        if (length < 0) throw new PickleError("a string has a negative length");
        return this.#push(decodeAscii(reader.bytes(length)));
      }
      case OP.NEXT_BUFFER:
        return this.#push(this.#nextBuffer());
      case OP.PROTO:
        this.#protocol = reader.uint8();
        if (this.#protocol > 5) throw new PickleError(`protocol ${this.#protocol} is unknown`);
        return true;
      case OP.FRAME:
        if (reader.uint64() > reader.left) throw new PickleError("a frame is cut off");
        return true;
    }
    return false;
  }

  /** Executes the opcodes that work on the stack and the memo. */
  #structure(opcode: number): boolean {
    const reader = this.#reader;
    switch (opcode) {
      case OP.MARK:
        this.#marks.push(this.#stack.length);
        return true;
      case OP.MEMOIZE:
        return this.#remember(this.#memo.size);
      case OP.BINPUT:
        return this.#remember(reader.uint8());
      case OP.LONG_BINPUT:
        return this.#remember(reader.uint32());
      case OP.PUT:
        return this.#remember(this.#index());
      case OP.BINGET:
        return this.#recall(reader.uint8());
      case OP.LONG_BINGET:
        return this.#recall(reader.uint32());
      case OP.GET:
        return this.#recall(this.#index());
      case OP.POP:
        if (this.#stack.length > this.#floor()) this.#pop();
        else this.#popMark();
        return true;
      case OP.POP_MARK:
        this.#popMark();
        return true;
      case OP.DUP:
        return this.#push(this.#top());
      case OP.EMPTY_LIST:
        return this.#make([]);
      case OP.LIST:
        return this.#make(this.#popMark());
      case OP.APPEND:
        return this.#append([this.#pop()]);
      case OP.APPENDS:
        return this.#append(this.#popMark());
      case OP.EMPTY_TUPLE:
        return this.#make(new PyTuple());
      case OP.TUPLE1:
        return this.#make(new PyTuple(this.#popMany(1)));
      case OP.TUPLE2:
        return this.#make(new PyTuple(this.#popMany(2)));
      case OP.TUPLE3:
        return this.#make(new PyTuple(this.#popMany(3)));
      case OP.TUPLE:
        return this.#make(new PyTuple(this.#popMark()));
      case OP.EMPTY_DICT:
        return this.#make(new PyDict());
      case OP.DICT:
        return this.#make(new PyDict(pairs(this.#popMark())));
      case OP.SETITEM:
        return this.#setItems(this.#popMany(2));
      case OP.SETITEMS:
        return this.#setItems(this.#popMark());
      case OP.EMPTY_SET:
        return this.#make(new PySet());
      case OP.ADDITEMS:
        return this.#addItems(this.#popMark());
      case OP.FROZENSET:
        return this.#make(new PyFrozenSet(this.#popMark()));
      case OP.READONLY_BUFFER:
        return this.#freezeBuffer();
    }
    return this.#instance(opcode);
  }

  /** Executes the opcodes for which Python would look up a class or function. */
  #instance(opcode: number): boolean {
    switch (opcode) {
      case OP.GLOBAL: {
        const [module, name] = this.#nameLines();
        return this.#push(globalOf(module, name, this.#protocol));
      }
      case OP.STACK_GLOBAL: {
        const [module, name] = this.#popMany(2);
        if (typeof module !== "string" || typeof name !== "string") {
          throw new PickleError("a class is named by something else than two texts");
        }
        return this.#push(new PyGlobal(module, name));
      }
      case OP.REDUCE: {
        const args = this.#popTuple();
        return this.#make(callOf(this.#popCallable(), args));
      }
      case OP.NEWOBJ: {
        const args = this.#popTuple();
        return this.#make(new PyObject(this.#popCallable(), { args }));
      }
      case OP.NEWOBJ_EX: {
        const kwargs = this.#pop();
        if (!(kwargs instanceof PyDict)) throw new PickleError("named arguments are no dict");
        const args = this.#popTuple();
        return this.#make(new PyObject(this.#popCallable(), { args, kwargs }));
      }
      case OP.INST: {
        const [module, name] = this.#nameLines();
        return this.#instantiate(globalOf(module, name, this.#protocol), this.#popMark());
      }
      case OP.OBJ: {
        const [callable, ...args] = this.#popMark();
        return this.#instantiate(asCallable(callable), args);
      }
      case OP.BUILD:
        return this.#build(this.#pop());
    }
    return false;
  }

  #refuse(opcode: number): never {
    const at = `at byte ${this.#reader.offset - 1}`;
    if (opcode === OP.PERSID || opcode === OP.BINPERSID) {
      throw new PickleError(`refused: a persistent id ${at}`);
    }
    if (opcode >= OP.EXT1 && opcode <= OP.EXT4) {
      throw new PickleError(`refused: an extension code ${at}`);
    }
    throw new PickleError(`no opcode: ${opcode} ${at}`);
  }

  #push(value: PyValue): true {
    this.#stack.push(value);
    return true;
  }

  #make(value: PyValue): true {
    if (++this.#containers > this.#limits.maxContainers) {
      throw new PickleError(`the pickle has over ${this.#limits.maxContainers} containers`);
    }
    return this.#push(value);
  }

  #floor(): number {
    return this.#marks.at(-1) ?? 0;
  }

  #top(): PyValue {
    const value = this.#stack.at(-1);
    if (value === undefined || this.#stack.length <= this.#floor()) {
      throw new PickleError("the pickle takes from an empty stack");
    }
    return value;
  }

  #pop(): PyValue {
    const value = this.#top();
    this.#stack.pop();
    return value;
  }

  #popMany(count: number): PyValue[] {
    if (this.#stack.length - count < this.#floor()) {
      throw new PickleError("the pickle takes from an empty stack");
    }
    return this.#stack.splice(this.#stack.length - count);
  }

  #popMark(): PyValue[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw new PickleError("the pickle closes a mark that is not open");
    return this.#stack.splice(mark);
  }

  #popTuple(): PyTuple {
    const args = this.#pop();
    if (args instanceof PyTuple) return args;
    throw new PickleError("the arguments of a call are no tuple");
  }

  #popCallable(): PyGlobal | PyObject {
    return asCallable(this.#pop());
  }

  #nameLines(): [string, string] {
    return [decodeUtf8(this.#reader.line()), decodeUtf8(this.#reader.line())];
  }

  #intLength(length: number): number {
    if (length < 0) throw new PickleError("an int has a negative length");
    if (length <= this.#limits.maxIntDigits) return length;
    throw new PickleError(`an int has over ${this.#limits.maxIntDigits} bytes`);
  }

  #digits(): number | bigint {
    return parseInteger(decodeLatin1(this.#reader.line()), this.#limits.maxIntDigits);
  }

  /** Reads an int from a line. Protocol 0 writes booleans as ints with a leading zero. */
  #intLine(): boolean | number | bigint {
    const text = decodeLatin1(this.#reader.line());
    if (text === "00" || text === "01") return text === "01";
    return parseInteger(text, this.#limits.maxIntDigits);
  }

  #index(): number {
    const index = this.#digits();
    if (typeof index === "number" && index >= 0) return index;
    throw new PickleError("the pickle remembers under a number that is none");
  }

  #remember(index: number): true {
    this.#memo.set(index, this.#top());
    if (this.#memo.size <= this.#limits.maxMemo) return true;
    throw new PickleError(`the pickle remembers over ${this.#limits.maxMemo} values`);
  }

  #recall(index: number): true {
    const value = this.#memo.get(index);
    if (value === undefined) throw new PickleError("the pickle recalls what it never had");
    return this.#push(value);
  }

  #append(items: readonly PyValue[]): true {
    const target = this.#top();
    const list = Array.isArray(target)
      ? target
      : target instanceof PyObject
      ? target.listItems
      : undefined;
    if (list === undefined) throw new PickleError("items are appended to what is no list");
    for (const item of items) list.push(item);
    return true;
  }

  #setItems(items: readonly PyValue[]): true {
    const target = this.#top();
    for (const [key, value] of pairs(items)) {
      if (target instanceof PyDict) target.set(key, value);
      else if (target instanceof PyObject) target.dictItems.push([key, value]);
      else throw new PickleError("entries are put into what is no dict");
    }
    return true;
  }

  #addItems(items: readonly PyValue[]): true {
    const target = this.#top();
    if (!(target instanceof PySet)) throw new PickleError("items are added to what is no set");
    for (const item of items) target.add(item);
    return true;
  }

  /** Creates an old-style instance. A class without arguments is not called. */
  #instantiate(callable: PyGlobal | PyObject, args: readonly PyValue[]): true {
    if (args.length === 0) return this.#make(new PyObject(callable));
    return this.#make(callOf(callable, new PyTuple(args)));
  }

  #build(state: PyValue): true {
    const target = this.#top();
    if (!(target instanceof PyObject)) throw new PickleError("state is given to no instance");
    if (target.state !== undefined) throw new PickleError("an instance is given state twice");
    target.state = state;
    return true;
  }

  #nextBuffer(): PyByteArray {
    const { value, done } = this.#buffers.next();
    if (done === true) throw new PickleError("refused: a buffer that is not in the pickle");
    return new PyByteArray(value);
  }

  #freezeBuffer(): true {
    const buffer = this.#pop();
    if (buffer instanceof PyByteArray) return this.#push(buffer.bytes);
    if (buffer instanceof Uint8Array) return this.#push(buffer);
    throw new PickleError("no buffer is made read-only");
  }
}

function asCallable(value: PyValue | undefined): PyGlobal | PyObject {
  if (value instanceof PyGlobal || value instanceof PyObject) return value;
  throw new PickleError("what is called is no class and no function");
}

function* pairs(items: readonly PyValue[]): Generator<[PyValue, PyValue]> {
  if (items.length % 2 !== 0) throw new PickleError("a key has no value");
  for (let at = 0; at < items.length; at += 2) {
    const [key = null, value = null] = items.slice(at, at + 2);
    yield [key, value];
  }
}
