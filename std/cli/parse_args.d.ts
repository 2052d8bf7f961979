/**
 * Types of `parseArgs`. The code is the official one from npm's deno-std.
 *
 * @module
 */

type Names<N extends string> = N | readonly N[];

export interface ParseOptions<B extends string = string, S extends string = string> {
  "--"?: boolean;
  alias?: Record<string, string | readonly string[]>;
  boolean?: Names<B>;
  string?: Names<S>;
  collect?: string | readonly string[];
  negatable?: string | readonly string[];
  default?: Record<string, unknown>;
  stopEarly?: boolean;
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

/** Result of `parseArgs`. */
export type Args<B extends string, S extends string> =
  & { [name: string]: unknown; _: (string | number)[] }
  & { [Name in B]: boolean }
  & { [Name in S]?: string };

/** Parses a command line. */
export declare function parseArgs<B extends string = never, S extends string = never>(
  args: string[],
  options?: ParseOptions<B, S>,
): Args<B, S>;
