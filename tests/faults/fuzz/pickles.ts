/** Random pickles for BitBake's socket, valid and invalid. */

import { encodeFrame } from "../../../bitbake/frames.ts";
import {
  encode,
  PyDict,
  PyFloat,
  PyFrozenSet,
  PyGlobal,
  PyObject,
  PySet,
  PyTuple,
  type PyValue,
} from "../../../bitbake/pickle/mod.ts";
import { OP } from "../../../bitbake/pickle/opcodes.ts";
import type { Random } from "../random.ts";

const COMMANDS = [
  "getVariable",
  "setFeatures",
  "getSetVariable",
  "setConfig",
  "updateConfig",
  "getUIHandlerNum",
  "setEventMask",
  "ping",
  "stateShutdown",
  "stateForceShutdown",
  "buildTargets",
  "parseFiles",
  "showVersions",
  "showEnvironment",
  "showEnvironmentTarget",
  "generateDotGraph",
  "noSuchCommand",
  "__proto__",
  "",
] as const;

const TEXTS = [
  "a",
  "b",
  "*",
  "TOPDIR",
  "PATH",
  "halt",
  "dry_run",
  "__proto__",
  "\0",
  "ü",
  "",
] as const;

const OPCODES = Object.values(OP) as [number, ...number[]];

/** Returns the bytes of one write: a frame, or a damaged frame. */
export function frameFor(random: Random): Uint8Array {
  const kind = random.below(100);
  if (kind < 45) return encodeFrame(encode(commandFor(random)));
  if (kind < 65) return encodeFrame(damaged(encode(commandFor(random)), random));
  if (kind < 85) return encodeFrame(opcodes(random));
  if (kind < 97) return encodeFrame(random.pick(TRICKS)());
  return wrongLength(random);
}

function commandFor(random: Random): PyValue {
  if (random.oneIn(10)) return valueFor(random, 3);
  const count = random.below(5);
  return [random.pick(COMMANDS), ...Array.from({ length: count }, () => valueFor(random, 3))];
}

function valueFor(random: Random, depth: number): PyValue {
  const part = (): PyValue => valueFor(random, depth - 1);
  const parts = (): PyValue[] => Array.from({ length: random.below(4) }, part);
  switch (random.below(depth > 0 ? 14 : 8)) {
    case 0:
      return null;
    case 1:
      return random.oneIn(2);
    case 2:
      return random.below(2 ** 31) - 2 ** 30;
    case 3:
      return 2n ** BigInt(random.below(200));
    case 4:
      return new PyFloat(random.pick([0, -0, NaN, Infinity, 1.5]));
    case 5:
      return new Uint8Array(random.below(10));
    case 6:
    case 7:
      return random.pick(TEXTS);
    case 8:
    case 9:
      return parts();
    case 10:
      return new PyTuple(parts());
    case 11:
      return new PyDict(parts().map((value) => [random.pick(TEXTS), value] as const));
    case 12:
      return random.oneIn(2) ? new PySet(["a", 1]) : new PyFrozenSet(["b", null]);
    default:
      return random.oneIn(2)
        ? new PyGlobal("os", "system")
        : PyObject.of("bb.event", "BuildInit", { pid: part() });
  }
}

/** Returns the bytes with one of them changed, removed or inserted. */
function damaged(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random.below(bytes.length + 1);
  const some = Uint8Array.of(random.below(256));
  const rest = bytes.subarray(at + random.below(2));
  return Uint8Array.of(...bytes.subarray(0, at), ...(random.oneIn(3) ? [] : some), ...rest);
}

function opcodes(random: Random): Uint8Array {
  const bytes = [OP.PROTO, 4];
  for (let left = random.below(40); left > 0; left--) {
    bytes.push(random.pick(OPCODES));
    for (let count = random.below(4); count > 0; count--) bytes.push(random.below(256));
  }
  if (!random.oneIn(4)) bytes.push(OP.STOP);
  return Uint8Array.from(bytes);
}

const MAX = [0xff, 0xff, 0xff, 0x7f];

/** Pickles that would cost a careless decoder much time or memory. */
const TRICKS: readonly [() => Uint8Array, ...(() => Uint8Array)[]] = [
  // Deeply nested lists.
  () =>
    Uint8Array.of(...Array(20_000).fill(OP.EMPTY_LIST), ...Array(19_999).fill(OP.APPEND), OP.STOP),
  // Nested pairs whose two items are the same pair: 2^60 values if each one is visited.
  () =>
    Uint8Array.of(
      ...[OP.EMPTY_LIST, OP.SHORT_BINUNICODE, 4, 0x70, 0x69, 0x6e, 0x67, OP.APPEND, OP.EMPTY_TUPLE],
      ...Array(60).fill([OP.DUP, OP.TUPLE2]).flat(),
      ...[OP.APPEND, OP.STOP],
    ),
  // The same pairs as a key. Keys are compared by value.
  () =>
    Uint8Array.of(
      ...[OP.EMPTY_DICT, OP.EMPTY_TUPLE, ...Array(60).fill([OP.DUP, OP.TUPLE2]).flat()],
      ...[OP.NONE, OP.SETITEM, OP.STOP],
    ),
  // A list that contains itself.
  () => Uint8Array.of(OP.EMPTY_LIST, OP.DUP, OP.APPEND, OP.STOP),
  () => Uint8Array.of(OP.NONE, OP.LONG_BINPUT, ...MAX, OP.STOP),
  () => Uint8Array.of(OP.LONG_BINGET, ...MAX, OP.STOP),
  () => Uint8Array.of(OP.LONG4, ...MAX, OP.STOP),
  () => Uint8Array.of(OP.BINUNICODE8, ...MAX, 0, 0, 0, 0, OP.STOP),
  () => Uint8Array.of(OP.BYTEARRAY8, ...MAX, ...MAX, OP.STOP),
  () => Uint8Array.of(OP.FRAME, ...MAX, ...MAX, OP.STOP),
  () => new Uint8Array(20_000).fill(OP.MARK),
  () => Uint8Array.of(OP.INT, ...Array(5_000).fill(0x39), 0x0a, OP.STOP),
];

function wrongLength(random: Random): Uint8Array {
  const lengths = [-1, -2, 2 ** 31 - 1, 64 * 2 ** 20 + 1, 0, 7] as const;
  const bytes = new Uint8Array(12 + random.below(4));
  new DataView(bytes.buffer).setInt32(0, random.pick(lengths));
  if (random.oneIn(2)) bytes.fill(0xff, 4);
  return bytes;
}
