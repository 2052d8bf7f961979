/**
 * Parses the filters of `--filter`. The client needs the git revisions that they name, and the server
 * selects the packages.
 *
 * A filter with `...`, `[` or `{`, or with a leading `!`, `.` or `//`, is one of pnpm and Turborepo.
 * Any other is one of `deno task`.
 *
 * @module
 */

/** A filter of packages. */
export interface PackageFilter {
  /** True if the packages that it matches are left out: `!x`. */
  readonly isExclusion: boolean;
  /** A part of the package's or folder's name, as in `deno task`; `*` matches any characters. */
  readonly part?: string;
  /** The package's name; `*` matches any characters. `//` is the root. */
  readonly name?: string;
  /** The package's folder, relative to the client's; `*` and `**` as in a glob. */
  readonly folder?: string;
  /** The git revision, or the range `A...B`, since which the package has changed. */
  readonly since?: string;
  /** True if packages also match `since` if one that they import has changed: `x...[ref]`. */
  readonly isSinceAnyImport: boolean;
  /** True if the packages that they import are selected, too: `x...`. */
  readonly withImports: boolean;
  /** True if the packages that import them are selected, too: `...x`. */
  readonly withImporters: boolean;
  /** True if only those others are selected: `x^...`, `...^x`. */
  readonly withoutSelf: boolean;
}

const IS_SELECTOR = /\.\.\.|[[{]|^!|^\.(?:$|\/|\.)|^\/\//;
const SELECTOR = /^([^.{}[\]][^{}[\]]*)?(?:\{([^{}]+)\})?(?:\[([^[\]]+)\])?$/;

/** Description of the possible filters, for messages. */
export const FILTER_FORMS =
  "expected a package's name or part of it, './folder' or '{folder}', '[git revision]', with '...' " +
  "or '^...' behind it for what it imports, '...' or '...^' before it for what imports it, and '!' " +
  "to leave packages out";

/**
 * Parses a filter. Returns `undefined` if its form is wrong.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { parsePackageFilter } from "./package_filter.ts";
 *
 * assertEquals(parsePackageFilter("web")?.part, "web");
 * const filter = parsePackageFilter("...^{libs/*}[origin/main]");
 * assertEquals([filter?.folder, filter?.since], ["libs/*", "origin/main"]);
 * assertEquals([filter?.withImporters, filter?.withoutSelf], [true, true]);
 * assertEquals(parsePackageFilter("a[b"), undefined);
 * ```
 */
export function parsePackageFilter(text: string): PackageFilter | undefined {
  if (text.trim() === "" || text === "!") return undefined;
  if (!IS_SELECTOR.test(text)) return { ...PLAIN, part: text };
  const isExclusion = text.startsWith("!");
  let rest = isExclusion ? text.slice(1) : text;
  let withoutSelf = false;
  const withImports = rest.endsWith("...");
  if (withImports) {
    rest = rest.slice(0, -3);
    if (rest.endsWith("^")) [withoutSelf, rest] = [true, rest.slice(0, -1)];
  }
  const withImporters = rest.startsWith("...");
  if (withImporters) {
    rest = rest.slice(3);
    if (rest.startsWith("^")) [withoutSelf, rest] = [true, rest.slice(1)];
  }
  const walk = { isExclusion, withImports, withImporters, withoutSelf };
  if (/^\.(?:$|\/|\.)/.test(rest)) {
    // A revision may stand behind a folder: `./libs[main]`.
    const [, folder = "", , since] = /^([^[\]{}]+)(\[([^[\]]+)\])?$/.exec(rest) ?? [];
    if (folder === "") return undefined;
    return { ...PLAIN, ...walk, folder, ...(since === undefined ? {} : { since }) };
  }
  const isSinceAnyImport = /[^.]\.\.\.\[/.test(rest);
  const match = SELECTOR.exec(rest.replace(/([^.])\.\.\.\[/, "$1["));
  if (match === null) return undefined;
  const [, name, folder, since] = match;
  if (name === undefined && folder === undefined && since === undefined) return undefined;
  return {
    ...PLAIN,
    ...walk,
    isSinceAnyImport,
    ...(name === undefined ? {} : { name }),
    ...(folder === undefined ? {} : { folder }),
    ...(since === undefined ? {} : { since }),
  };
}

const PLAIN = {
  isExclusion: false,
  isSinceAnyImport: false,
  withImports: false,
  withImporters: false,
  withoutSelf: false,
} as const;
