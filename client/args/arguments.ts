/**
 * Parser for the command line: reads options and words according to option rows.
 *
 * Every `simmer run` loads this file, and importing an argument-parsing library would cost more
 * time than all of the parsing. The parser is therefore our own, small and strict.
 *
 * @module
 */

import { ClientError, EXIT } from "../errors.ts";
import { type CommandSpec, COMMON_OPTIONS, type OptionRow, type OptionValues } from "./options.ts";

/** The error for an invalid command line. */
export class UsageError extends ClientError {
  override readonly name: string = "UsageError";
  /** The unknown option that was given, with its dashes. */
  readonly unknownOption: string | undefined;

  /** @param unknownOption see the property of that name */
  constructor(message: string, details: readonly string[] = [], unknownOption?: string) {
    super(EXIT.usage, message, details);
    this.unknownOption = unknownOption;
  }
}

/** A parsed command line. */
export interface ParsedArguments<Values> {
  readonly values: Values;
  /** Arguments that are not options, in order. */
  readonly words: readonly string[];
  /** Arguments after `--`. */
  readonly rest: readonly string[];
}

/** The values of a command's own options and of the common options. */
export type ValuesFor<Rows extends readonly OptionRow[]> =
  & OptionValues<Rows>
  & OptionValues<typeof COMMON_OPTIONS>;

/**
 * Parses a command's arguments. Options may stand anywhere before `--`. If one is repeated, the
 * last one counts.
 *
 * @throws {UsageError} if the rows do not allow the arguments
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { parseArguments } from "./arguments.ts";
 *
 * const spec = {
 *   name: "run",
 *   usage: "TASK",
 *   summary: "run a task",
 *   about: [],
 *   words: { min: 0, max: Infinity },
 *   options: [{ name: "jobs", letter: "j", kind: "number", value: "jobs", min: 1, summary: "" }],
 *   takesRest: true,
 * } as const;
 * const { values, words, rest } = parseArguments(spec, ["a", "-j2", "b", "--", "-x"]);
 * assertEquals([values.jobs, words, rest], [2, ["a", "b"], ["-x"]]);
 * ```
 */
export function parseArguments<const Rows extends readonly OptionRow[]>(
  spec: CommandSpec<Rows>,
  args: readonly string[],
): ParsedArguments<ValuesFor<Rows>> {
  const rows: readonly OptionRow[] = [...COMMON_OPTIONS, ...spec.options];
  const values: Record<string, unknown> = {};
  for (const row of rows) values[row.name] = emptyValue(row);
  const words: string[] = [];
  const rest: string[] = [];
  const pending = [...args];
  for (let arg = pending.shift(); arg !== undefined; arg = pending.shift()) {
    if (arg === "--") {
      rest.push(...pending.splice(0));
    } else if (arg.startsWith("--")) {
      takeLong(arg, rows, pending, values);
    } else if (arg.startsWith("-") && arg !== "-") {
      takeLetters(arg, rows, pending, values);
    } else {
      words.push(arg);
    }
  }
  if (spec.takesRest !== true) words.push(...rest.splice(0));
  if (values.help !== true && values.version !== true) checkWords(spec, words);
  return { values: values as ValuesFor<Rows>, words, rest };
}

function emptyValue(row: OptionRow): unknown {
  if (row.kind === "flag") return false;
  return row.kind === "list" || row.kind === "family" || row.kind === "texts" ? [] : undefined;
}

function takeLong(
  arg: string,
  rows: readonly OptionRow[],
  pending: string[],
  values: Record<string, unknown>,
): void {
  const equals = arg.indexOf("=");
  const name = equals < 0 ? arg.slice(2) : arg.slice(2, equals);
  const row = rows.find((each) => each.name === name || each.alias === name) ??
    rows.find((each) => each.kind === "family" && name.startsWith(`${each.name}-`));
  if (row === undefined) throw unknownOption(`--${name}`);
  let given = equals < 0 ? undefined : arg.slice(equals + 1);
  if (row.kind === "family") {
    values[row.name] = [...values[row.name] as readonly string[], arg];
  } else if (row.kind === "list") {
    const [next = "-"] = pending;
    if (row.takesNext === true && given === undefined && !next.startsWith("-")) {
      given = pending.shift();
    }
    const before = values[row.name] as readonly string[];
    // Values from options without `=` come before all others, as in `deno task`.
    values[row.name] = given === undefined ? [row.fallback, ...before] : [...before, given];
  } else if (row.kind !== "flag") {
    setValue(row, given ?? nextValue(row, pending), values);
  } else if (given !== undefined) {
    throw new UsageError(
      `unexpected value '${given}' for '--${row.name}': the option takes no value`,
    );
  } else {
    values[row.name] = true;
  }
}

/** Parses a group of one-letter options: `-kq`, `-j2`, `-j 2` or `-j=2`. */
function takeLetters(
  arg: string,
  rows: readonly OptionRow[],
  pending: string[],
  values: Record<string, unknown>,
): void {
  for (let index = 1; index < arg.length; index++) {
    const letter = arg.charAt(index);
    const row = rows.find((each) => each.letter === letter);
    if (row === undefined) throw unknownOption(`-${letter}`);
    if (row.kind === "flag") {
      values[row.name] = true;
      continue;
    }
    const given = arg.slice(index + 1).replace(/^=/, "");
    setValue(row, given === "" ? nextValue(row, pending) : given, values);
    return;
  }
}

function setValue(row: OptionRow, text: string, values: Record<string, unknown>): void {
  const value = readValue(row, text);
  values[row.name] = row.kind === "texts"
    ? [...values[row.name] as readonly string[], value]
    : value;
}

function nextValue(row: OptionRow, pending: string[]): string {
  const value = pending.shift();
  if (value !== undefined && value !== "--") return value;
  throw new UsageError(`a value is required for '${optionLabel(row)}' but none was supplied`);
}

function readValue(row: OptionRow, text: string): string | number {
  const label = optionLabel(row);
  if (row.kind === "number") {
    const value = /^-?\d+$/.test(text) ? Number(text) : NaN;
    if (value >= row.min && Number.isSafeInteger(value)) return value;
    throw new UsageError(
      `invalid value '${text}' for '${label}': expected a whole number of at least ${row.min}`,
    );
  }
  if (row.kind === "choice" && !row.choices.includes(text)) {
    throw new UsageError(
      `invalid value '${text}' for '${label}': expected one of ${row.choices.join(", ")}`,
    );
  }
  return text;
}

/** Formats an option for errors and help: `--jobs <jobs>`. */
export function optionLabel(row: OptionRow): string {
  if (row.kind === "flag") return `--${row.name}`;
  if (row.kind === "list") return `--${row.name}[=<${row.value}>]`;
  if (row.kind === "family") return `--${row.name}-<${row.value}>`;
  return `--${row.name} <${row.kind === "choice" ? row.choices.join("|") : row.value}>`;
}

function unknownOption(option: string): UsageError {
  return new UsageError(`unknown option '${option}'`, [], option);
}

function checkWords(spec: CommandSpec, words: readonly string[]): void {
  const { min, max } = spec.words;
  const surplus = words[max];
  if (surplus !== undefined) {
    throw new UsageError(
      `unexpected argument '${surplus}': usage: simmer ${spec.name} ${spec.usage}`,
    );
  }
  if (words.length < min) {
    throw new UsageError(`too few arguments: usage: simmer ${spec.name} ${spec.usage}`);
  }
}
