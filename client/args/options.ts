/**
 * Declarative rows for options. Parsing, checking and `--help` derive from them.
 *
 * @module
 */

import { LOG_LEVELS } from "../../wire/events.ts";

/** The fields common to all kinds of options. */
interface OptionBase {
  /** The long name, without dashes. */
  readonly name: string;
  /** The one-letter name, without the dash. */
  readonly letter?: string;
  /** An alternative long name. */
  readonly alias?: string;
  readonly summary: string;
  /** True if the option is internal and omitted from the help. */
  readonly isHidden?: boolean;
}

/** One option of a command. */
export type OptionRow =
  | OptionBase & { readonly kind: "flag" }
  /** Takes any text. Help and errors call the value `value`. */
  | OptionBase & { readonly kind: "text"; readonly value: string }
  /**
   * Takes a text each time it is given. Without `=`, the value is the next word if `takesNext`
   * allows it, or else `fallback`.
   */
  | OptionBase & {
    readonly kind: "list";
    readonly value: string;
    readonly fallback: string;
    /** True if the next word is the value, unless that word is an option. Default: `false`. */
    readonly takesNext?: boolean;
  }
  /**
   * Matches all options whose names begin with this name and a dash. They are passed on as typed.
   */
  | OptionBase & { readonly kind: "family"; readonly value: string }
  /** Takes any text each time it is given. */
  | OptionBase & { readonly kind: "texts"; readonly value: string }
  /** Takes a whole number, `min` or greater. */
  | OptionBase & { readonly kind: "number"; readonly value: string; readonly min: number }
  | OptionBase & { readonly kind: "choice"; readonly choices: readonly string[] };

/** The parsed type of an option's value. */
type OptionValue<R extends OptionRow> = R extends { readonly kind: "flag" } ? boolean
  : R extends { readonly kind: "list" | "family" | "texts" } ? readonly string[]
  : R extends { readonly kind: "number" } ? number | undefined
  : R extends { readonly kind: "choice"; readonly choices: readonly (infer C)[] } ? C | undefined
  : string | undefined;

/**
 * The parsed values of rows. A flag is a boolean, a list may be empty, and the others have a value
 * or `undefined`.
 */
export type OptionValues<Rows extends readonly OptionRow[]> = {
  readonly [R in Rows[number] as R["name"]]: OptionValue<R>;
};

/** The options of every command. */
export const COMMON_OPTIONS = [
  { name: "cwd", kind: "text", value: "dir", summary: "run as if started in this folder" },
  {
    name: "config",
    letter: "c",
    kind: "text",
    value: "file",
    summary: "the config file to use instead of the nearest one",
  },
  {
    name: "server",
    kind: "text",
    value: "address",
    summary: "the server to use: unix:PATH, or HOST:PORT (BitBake, XML-RPC)",
  },
  { name: "json", kind: "flag", summary: "machine-readable output on stdout" },
  { name: "quiet", letter: "q", kind: "flag", summary: "print errors only" },
  {
    name: "color",
    kind: "choice",
    choices: ["auto", "always", "never"],
    summary: "colours; auto: in a terminal (NO_COLOR, FORCE_COLOR apply)",
  },
  {
    name: "log-level",
    kind: "choice",
    choices: LOG_LEVELS,
    summary: "minimum level of the server's log records; default: warn",
  },
  { name: "help", letter: "h", kind: "flag", summary: "print this help" },
  { name: "version", letter: "V", kind: "flag", summary: "print simmer's version" },
] as const satisfies readonly OptionRow[];

/** The values of the options of every command. */
export type CommonValues = OptionValues<typeof COMMON_OPTIONS>;

/** The description of a command for its parser and its help. */
export interface CommandSpec<Rows extends readonly OptionRow[] = readonly OptionRow[]> {
  readonly name: string;
  /** The part of the usage line after the name and the options: `TASK… [-- ARG…]`. */
  readonly usage: string;
  readonly summary: string;
  /** Paragraphs of `--help` below the usage. */
  readonly about: readonly string[];
  /** The command's own options, without the common ones. */
  readonly options: Rows;
  /** The minimum and maximum number of words. */
  readonly words: { readonly min: number; readonly max: number };
  /** True if the arguments after `--` are passed on, for example to a task. */
  readonly takesRest?: boolean;
  /** Examples for `--help`: a command line, and its effect. */
  readonly examples?: readonly (readonly [string, string])[];
  /**
   * Loads a list of names and summaries for the end of the help. Called only if help is requested.
   */
  readonly topics?: () => Promise<Topics>;
}

/** A list in a command's help. */
interface Topics {
  readonly title: string;
  readonly rows: readonly (readonly [string, string])[];
}
