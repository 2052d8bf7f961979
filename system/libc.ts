/**
 * The C library's calls on Linux, and what their errors mean.
 *
 * @module
 */

/**
 * Links calls of the C library.
 *
 * @returns `undefined` on other platforms than Linux, and where the library lacks one of them
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

/** A library that is linked when it is first needed, and again after it was let go. */
export class LazyLibc<const Symbols extends Deno.ForeignLibraryInterface> implements Disposable {
  readonly #wanted: Symbols;
  #library: Deno.DynamicLibrary<Symbols> | undefined;
  #isLinked = false;

  /** @param wanted as for {@linkcode linkLibc} */
  constructor(wanted: Symbols) {
    this.#wanted = wanted;
  }

  /** Its calls; `undefined` as for {@linkcode linkLibc}. */
  get symbols(): Deno.DynamicLibrary<Symbols>["symbols"] | undefined {
    if (!this.#isLinked) this.#library = linkLibc(this.#wanted);
    this.#isLinked = true;
    return this.#library?.symbols;
  }

  /** Lets the library go. */
  close(): void {
    this.#library?.close();
    this.#library = undefined;
    this.#isLinked = false;
  }

  /** As `close`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** Where the C library has the number of the last call's error. */
export const ERRNO_SYMBOLS = {
  __errno_location: { parameters: [], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

/** The number of the last call's error. */
export function errnoOf(
  { __errno_location }: Deno.DynamicLibrary<typeof ERRNO_SYMBOLS>["symbols"],
): number {
  const place = __errno_location();
  return place === null ? 0 : new Deno.UnsafePointerView(place).getInt32();
}

/** Whether an error says that nothing is at a path: also a circle of links, or a file on the way. */
export function isAbsence(number: number): boolean {
  return ABSENT.has(number);
}

/** Of another C library than glibc, and of an older one. */
const MISSING = /^(Could not open library|Failed to register symbol)/;

const ENOENT = 2;
/** ENOENT, ENOTDIR, ELOOP. */
const ABSENT: ReadonlySet<number> = new Set([ENOENT, 20, 40]);
const DENIED: ReadonlySet<number> = new Set([1, 13]);

/** What the system calls its errors, for those that starting a process, or reading a file, can have. */
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

/** What the system calls an error, as `File name too long`. */
export function systemErrorText(number: number): string {
  return TEXTS[number] ?? `The system refuses (os error ${number})`;
}

/**
 * The exception that Deno's own calls throw for an error of the system.
 *
 * @param number the error's number
 * @param what what failed
 */
export function systemError(number: number, what: string): Error {
  const message = `${what}: ${TEXTS[number] ?? "The system refuses"} (os error ${number})`;
  if (number === ENOENT) return new Deno.errors.NotFound(message);
  if (DENIED.has(number)) return new Deno.errors.PermissionDenied(message);
  return new Error(message);
}
