/**
 * Recognizes the calls by which older protocols write values that newer protocols have opcodes for.
 *
 * A call is recognized by its name and its arguments, which are data. No function is looked up.
 * Every other call becomes a record.
 *
 * @module
 */

import { encodeLatin1 } from "./text.ts";
import {
  PyByteArray,
  PyFrozenSet,
  PyGlobal,
  PyObject,
  PySet,
  type PyTuple,
  type PyValue,
} from "./values.ts";

/** Names of Python 2 in pickles of protocols 0 to 2, with their names in Python 3. */
const RENAMED: Readonly<Record<string, readonly [string, string]>> = {
  "__builtin__.xrange": ["builtins", "range"],
  "__builtin__.unicode": ["builtins", "str"],
  "__builtin__.long": ["builtins", "int"],
  "__builtin__.reduce": ["functools", "reduce"],
};

const RENAMED_MODULES: Readonly<Record<string, string>> = {
  __builtin__: "builtins",
  copy_reg: "copyreg",
};

/** Returns the class or function with that name, under the name that Python 3 gives it. */
export function globalOf(module: string, name: string, protocol: number): PyGlobal {
  if (protocol > 2) return new PyGlobal(module, name);
  const full = `${module}.${name}`;
  const renamed = Object.hasOwn(RENAMED, full) ? RENAMED[full] : undefined;
  if (renamed !== undefined) return new PyGlobal(...renamed);
  const now = Object.hasOwn(RENAMED_MODULES, module) ? RENAMED_MODULES[module] : undefined;
  return new PyGlobal(now ?? module, name);
}

/** Returns the value that a call stands for, or a record of the call if it is not recognized. */
export function callOf(callable: PyGlobal | PyObject, args: PyTuple): PyValue {
  const value = callable instanceof PyGlobal ? knownCall(callable, args.items) : undefined;
  return value ?? new PyObject(callable, { making: "call", args });
}

function knownCall({ fullName }: PyGlobal, args: readonly PyValue[]): PyValue | undefined {
  const [first, second] = args;
  switch (fullName) {
    case "builtins.set":
    case "builtins.frozenset": {
      if (args.length > 1 || (first !== undefined && !Array.isArray(first))) return undefined;
      return fullName === "builtins.set" ? new PySet(first) : new PyFrozenSet(first);
    }
    case "_codecs.encode":
      return isLatin1(second) && args.length === 2 ? latin1Of(first) : undefined;
    case "builtins.bytes":
      return args.length === 0 ? new Uint8Array() : undefined;
    case "builtins.bytearray": {
      const bytes = args.length === 0
        ? new Uint8Array()
        : args.length === 1 && first instanceof Uint8Array
        ? first.slice()
        : args.length === 2 && isLatin1(second)
        ? latin1Of(first)
        : undefined;
      return bytes === undefined ? undefined : new PyByteArray(bytes);
    }
    case "copyreg._reconstructor": {
      const isPlain = args.length === 3 && args[2] === null && second instanceof PyGlobal &&
        second.fullName === "builtins.object";
      return isPlain && first instanceof PyGlobal ? new PyObject(first) : undefined;
    }
  }
  return undefined;
}

function isLatin1(encoding: PyValue | undefined): boolean {
  return encoding === "latin1" || encoding === "latin-1";
}

function latin1Of(text: PyValue | undefined): Uint8Array | undefined {
  return typeof text === "string" ? encodeLatin1(text) : undefined;
}
