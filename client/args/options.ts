/**
 * Options as declarative rows: parsing, checking and `--help` derive from them.
 *
 * @module
 */

import { LOG_LEVELS } from "../../wire/events.ts";

/** What every kind of option has. */
interface OptionBase {
  /** Its name without dashes. */
  readonly name: string;
  /** Its one letter, without the dash. */
  readonly letter?: string;
  /** Another name that means the same. */
  readonly alias?: string;
  readonly summary: string;
  /** Whether it is simmer's own affair and not in the help. */
  readonly isHidden?: boolean;
}

/** One option of a command. */
export type OptionRow =
  | OptionBase & { readonly kind: "flag" }
  /** Any text; `value` names it in help and errors. */
  | OptionBase & { readonly kind: "text"; readonly value: string }
  /** Any number of texts; without `=` each time, the next word, if it may be, or `fallback`. */
  | OptionBase & {
    readonly kind: "list";
    readonly value: string;
    readonly fallback: string;
    /** Whether the next word is its value, if that is no option; default: `false`. */
    readonly takesNext?: boolean;
  }
  /** All options whose names begin with this one and a dash, as they are typed. */
  | OptionBase & { readonly kind: "family"; readonly value: string }
  /** A whole number from `min`. */
  | OptionBase & { readonly kind: "number"; readonly value: string; readonly min: number }
  | OptionBase & { readonly kind: "choice"; readonly choices: readonly string[] };

/** What an option's value is. */
type OptionValue<R extends OptionRow> = R extends { readonly kind: "flag" } ? boolean
  : R extends { readonly kind: "list" | "family" } ? readonly string[]
  : R extends { readonly kind: "number" } ? number | undefined
  : R extends { readonly kind: "choice"; readonly choices: readonly (infer C)[] } ? C | undefined
  : string | undefined;

/** What rows parse to: a flag is there or not, a list may be empty, the
 * others have their value or `undefined`. */
export type OptionValues<Rows extends readonly OptionRow[]> = {
  readonly [R in Rows[number] as R["name"]]: OptionValue<R>;
};

/** The options of every command. */
export const COMMON_OPTIONS = [
  { name: "cwd", kind: "text", value: "dir", summary: "work as if started in that folder" },
  {
    name: "config",
    letter: "c",
    kind: "text",
    value: "file",
    summary: "the config file to use, rather than the nearest one",
  },
  {
    name: "server",
    kind: "text",
    value: "address",
    summary: "the server to use: unix:PATH, or HOST:PORT of BitBake's own by XML-RPC",
  },
  { name: "json", kind: "flag", summary: "machine-readable output on stdout" },
  { name: "quiet", letter: "q", kind: "flag", summary: "say nothing but errors" },
  {
    name: "color",
    kind: "choice",
    choices: ["auto", "always", "never"],
    summary: "colours; auto: in a terminal (NO_COLOR and FORCE_COLOR count)",
  },
  {
    name: "log-level",
    kind: "choice",
    choices: LOG_LEVELS,
    summary: "the least important of the server's log records to show; default: warn",
  },
  { name: "help", letter: "h", kind: "flag", summary: "explain the command" },
  { name: "version", letter: "V", kind: "flag", summary: "print simmer's version" },
] as const satisfies readonly OptionRow[];

/** Values of the options that every command has. */
export type CommonValues = OptionValues<typeof COMMON_OPTIONS>;

/** What a command is, for its parser and its help. */
export interface CommandSpec<Rows extends readonly OptionRow[] = readonly OptionRow[]> {
  readonly name: string;
  /** What stands behind the name and the options: `TASK… [-- ARG…]`. */
  readonly usage: string;
  readonly summary: string;
  /** Paragraphs of `--help` below the usage. */
  readonly about: readonly string[];
  /** Its own options, beside the common ones. */
  readonly options: Rows;
  /** How many words it takes at the least and at the most. */
  readonly words: { readonly min: number; readonly max: number };
  /** Whether what stands behind `--` belongs to somebody else. */
  readonly takesRest?: boolean;
  /** `--help` examples: what is typed, and what it does. */
  readonly examples?: readonly (readonly [string, string])[];
  /** Names and summaries below the options, made only where help is asked for. */
  readonly topics?: () => Promise<Topics>;
}

/** A list in a command's help. */
interface Topics {
  readonly title: string;
  readonly rows: readonly (readonly [string, string])[];
}
