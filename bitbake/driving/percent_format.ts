/**
 * Python's `%` formatting, as far as log messages need it.
 *
 * @module
 */

import { PyDict, PyFloat, PyTuple, type PyValue, toPlain } from "../pickle/mod.ts";

/** `%`, a key, flags, width, precision, and what kind of value is put in. */
const MARK = /%(?:\((\w+)\))?([-+ 0#]*)(\d+)?(?:\.(\d+))?[hlL]?([diouxXeEfFgGcrsa%])/g;

/** A line is not filled up beyond this many characters. */
const MAX_WIDTH = 1000;

/** The longest text for a value that is none. */
const MAX_TEXT = 4096;

/** One place of a message that a value is put in. */
interface Mark {
  readonly flags: string;
  readonly width: number;
  readonly precision: number | undefined;
  readonly kind: string;
}

/**
 * A log record's message with its arguments put in. A place without an argument stays as it is.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { PyTuple } from "../pickle/mod.ts";
 * import { formatMessage } from "./percent_format.ts";
 *
 * assertEquals(formatMessage("%-4s|%3d%%", new PyTuple(["a", 7])), "a   |  7%");
 * ```
 */
export function formatMessage(message: string, args: PyValue | undefined): string {
  const isDict = args instanceof PyDict;
  const values = args instanceof PyTuple ? [...args.items] : [];
  // Python leaves a message without arguments as it is, its marks too.
  if (!isDict && values.length === 0) return message;
  return message.replaceAll(
    MARK,
    (whole, key: string | undefined, flags: string, width = "0", precision, kind: string) => {
      if (kind === "%") return "%";
      const value = isDict ? args.get(key ?? "") : values.shift();
      if (value === undefined) return whole;
      const mark = {
        flags,
        width: Math.min(Number(width), MAX_WIDTH),
        precision: precision === undefined ? undefined : Math.min(Number(precision), MAX_WIDTH),
        kind,
      };
      return padded(textFor(value, mark), mark);
    },
  );
}

/** A value as Python's `str` has it, or as JSON if it is no text and no number. */
export function textOf(value: PyValue | undefined): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return value;
  if (value instanceof PyFloat) return String(value.value);
  return JSON.stringify(toPlain(value)).slice(0, MAX_TEXT);
}

function textFor(value: PyValue, { flags, precision, kind }: Mark): string {
  const number = numberOf(value);
  if (number === undefined || "srac".includes(kind)) {
    const text = value === null ? "None" : quoted(value, kind);
    return precision === undefined ? text : text.slice(0, precision);
  }
  const sign = number < 0 ? "-" : flags.includes("+") ? "+" : flags.includes(" ") ? " " : "";
  return sign + magnitude(typeof number === "number" ? Math.abs(number) : abs(number), {
    kind,
    precision,
  });
}

function quoted(value: PyValue, kind: string): string {
  if (value === true) return "True";
  if (value === false) return "False";
  return typeof value === "string" && kind === "r" ? `'${value}'` : textOf(value);
}

function abs(value: bigint): bigint {
  return value < 0n ? -value : value;
}

function numberOf(value: PyValue): number | bigint | undefined {
  if (typeof value === "number" || typeof value === "bigint") return value;
  return value instanceof PyFloat ? value.value : undefined;
}

function magnitude(
  value: number | bigint,
  { kind, precision }: Pick<Mark, "kind" | "precision">,
): string {
  switch (kind.toLowerCase()) {
    case "f":
      return Number(value).toFixed(Math.min(precision ?? 6, 100));
    case "e":
      return exponential(Number(value), precision ?? 6);
    case "g":
      return String(Number(Number(value).toPrecision(Math.min(Math.max(precision ?? 6, 1), 100))));
    case "x": {
      const digits = whole(value).toString(16);
      return kind === "X" ? digits.toUpperCase() : digits;
    }
    case "o":
      return whole(value).toString(8);
    default:
      return whole(value).toString().padStart(precision ?? 0, "0");
  }
}

/** Python writes at least two digits of the exponent. */
function exponential(value: number, precision: number): string {
  return value.toExponential(Math.min(precision, 100)).replace(/e([+-])(\d)$/, "e$10$2");
}

function whole(value: number | bigint): bigint | number {
  return typeof value === "bigint" ? value : Math.trunc(value);
}

function padded(text: string, { flags, width, kind }: Mark): string {
  if (flags.includes("-")) return text.padEnd(width);
  if (!flags.includes("0") || "srac".includes(kind)) return text.padStart(width);
  const sign = /^[-+ ]?/.exec(text)?.[0] ?? "";
  return sign + text.slice(sign.length).padStart(width - sign.length, "0");
}
