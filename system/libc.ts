/**
 * Loads functions of the C library on Linux, and translates their error numbers.
 *
 * @module
 */

/**
 * Loads functions of the C library.
 *
 * @returns `undefined` on platforms other than Linux, if the library is not glibc, or if it lacks
 *   one of the functions
 */
export function linkLibc<const Symbols extends Deno.ForeignLibraryInterface>(
  symbols: Symbols,
): Deno.DynamicLibrary<Symbols> | undefined {
  if (Deno.build.os !== "linux") return undefined;
  try {
    return Deno.dlopen("libc.so.6", symbols);
  } catch (error) {
    if (error instanceof Error && MISSING.test(error.message)) return undefined;
    throw error;
  }
}

/** The C library, loaded on first use, and again on the first use after `close`. */
export class LazyLibc<const Symbols extends Deno.ForeignLibraryInterface> implements Disposable {
  readonly #wanted: Symbols;
  #library: Deno.DynamicLibrary<Symbols> | undefined;
  #isLinked = false;

  /** @param wanted the functions, like for {@linkcode linkLibc} */
  constructor(wanted: Symbols) {
    this.#wanted = wanted;
  }

  /** The library's functions. `undefined` in the same cases as {@linkcode linkLibc}. */
  get symbols(): Deno.DynamicLibrary<Symbols>["symbols"] | undefined {
    if (!this.#isLinked) this.#library = linkLibc(this.#wanted);
    this.#isLinked = true;
    return this.#library?.symbols;
  }

  /** Closes the library. */
  close(): void {
    this.#library?.close();
    this.#library = undefined;
    this.#isLinked = false;
  }

  /** Same as `close`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** The function that returns the address of `errno`. */
export const ERRNO_SYMBOLS = {
  __errno_location: { parameters: [], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

/** Returns `errno`, the error number of the last failed call. */
export function errnoOf(
  { __errno_location }: Deno.DynamicLibrary<typeof ERRNO_SYMBOLS>["symbols"],
): number {
  const place = __errno_location();
  return place === null ? 0 : new Deno.UnsafePointerView(place).getInt32();
}

/**
 * Returns true if an error number means that a path does not exist. A loop of links, and a file in
 * the place of a parent folder, count as missing too.
 */
export function isAbsence(number: number): boolean {
  return ABSENT.has(number);
}

/** Matches Deno's errors for a C library other than glibc, and for a glibc that is too old. */
const MISSING = /^(Could not open library|Failed to register symbol)/;

const ENOENT = 2;
/** ENOENT, ENOTDIR, ELOOP. */
const ABSENT: ReadonlySet<number> = new Set([ENOENT, 20, 40]);
const DENIED: ReadonlySet<number> = new Set([1, 13]);

/** The system's texts of the errors that can occur when starting a process or reading a file. */
const TEXTS: Readonly<Record<number, string>> = {
  1: "Operation not permitted",
  2: "No such file or directory",
  5: "Input/output error",
  7: "Argument list too long",
  8: "Exec format error",
  11: "Resource temporarily unavailable",
  12: "Cannot allocate memory",
  13: "Permission denied",
  20: "Not a directory",
  21: "Is a directory",
  22: "Invalid argument",
  23: "Too many open files in system",
  24: "Too many open files",
  26: "Text file busy",
  36: "File name too long",
  40: "Too many levels of symbolic links",
};

/** Returns the system's text of an error, such as `File name too long`. */
export function systemErrorText(number: number): string {
  return TEXTS[number] ?? `The system refuses (os error ${number})`;
}

/**
 * Creates an exception like those that Deno's own functions throw for a system error.
 *
 * @param number the error number
 * @param what the failed operation, for the message
 */
export function systemError(number: number, what: string): Error {
  const message = `${what}: ${TEXTS[number] ?? "The system refuses"} (os error ${number})`;
  if (number === ENOENT) return new Deno.errors.NotFound(message);
  if (DENIED.has(number)) return new Deno.errors.PermissionDenied(message);
  return new Error(message);
}
