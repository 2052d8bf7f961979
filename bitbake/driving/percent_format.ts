/**
 * Implements Python's `%` formatting, as far as BitBake's log messages need it.
 *
 * @module
 */

import { PyDict, PyFloat, PyTuple, type PyValue, toPlain } from "../pickle/mod.ts";

/** Matches one conversion: `%`, a key, flags, width, precision, and the conversion type. */
const MARK = /%(?:\((\w+)\))?([-+ 0#]*)(\d+)?(?:\.(\d+))?[hlL]?([diouxXeEfFgGcrsa%])/g;

/**
 * The maximum width and precision in characters. It bounds the padding that a message can request.
 */
const MAX_WIDTH = 1000;

/** The maximum length of the JSON text of a value that is neither a text nor a number. */
const MAX_TEXT = 4096;

/** One conversion in a message. */
interface Mark {
  readonly flags: string;
  readonly width: number;
  readonly precision: number | undefined;
  readonly kind: string;
}

/**
 * Formats a log record's message with its arguments. A conversion without an argument is left
 * unchanged.
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
  // Python returns a message without arguments unchanged, conversions included.
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

/**
 * Returns the text of a value: as Python's `str` has it, or JSON if the value is neither a text nor
 * a number.
 */
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

/** Formats a number in exponential notation. Python writes at least two digits of the exponent. */
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
