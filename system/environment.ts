/**
 * What surrounds this process: variables, terminal, machine.
 *
 * @module
 */

/** All environment variables. */
export function environment(): Record<string, string> {
  return Deno.env.toObject();
}

/** One environment variable; one that is no UTF-8 counts as unset, as in {@linkcode environment}. */
export function variable(name: string): string | undefined {
  try {
    return Deno.env.get(name);
  } catch (error) {
    if (error instanceof Deno.errors.InvalidData) return undefined;
    throw error;
  }
}

/**
 * Whether this process was given arguments that are no UTF-8, as far as the platform tells: the
 * runtime replaces such bytes by U+FFFD.
 *
 * @param args the arguments as the runtime has them
 */
export function hasForeignBytes(args: readonly string[]): boolean {
  if (Deno.build.os !== "linux" || !args.some((arg) => arg.includes("\ufffd"))) return false;
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(Deno.readFileSync("/proc/self/cmdline"));
    return false;
  } catch (error) {
    if (error instanceof TypeError) return true;
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The working directory; absolute. */
export function workingDirectory(): string {
  return Deno.cwd();
}

/** This process's id. */
export function processId(): number {
  return Deno.pid;
}

/**
 * What the kernel calls the namespaces of this process's processes and mounts: processes that have
 * the same names see each other and the same files. `undefined` where the platform has none.
 */
export function processNamespaces(): string | undefined {
  if (Deno.build.os !== "linux") return undefined;
  try {
    return ["pid", "mnt"].map((name) => Deno.readLinkSync(`/proc/self/ns/${name}`)).join(" ");
  } catch (error) {
    // An old kernel, or one that hides them.
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof Deno.errors.PermissionDenied) return undefined;
    throw error;
  }
}

/** This process's user id; `undefined` where the platform has none. */
export function userId(): number | undefined {
  return Deno.uid() ?? undefined;
}

/** How many processors there are. */
export function processorCount(): number {
  return navigator.hardwareConcurrency;
}

/** Memory of this process, in bytes. */
export function memoryUse(): { readonly rss: number; readonly heapUsed: number } {
  return Deno.memoryUsage();
}

/**
 * Calls a function for each error that no part of this program has caught, until the result is
 * disposed of: rejected promises without an owner, and exceptions out of timers and listeners. They
 * do not end the process meanwhile.
 */
export function onUncaught(listener: (error: unknown) => void): Disposable {
  const onRejection = (event: PromiseRejectionEvent): void => {
    event.preventDefault();
    listener(event.reason);
  };
  const onError = (event: ErrorEvent): void => {
    event.preventDefault();
    listener(event.error);
  };
  globalThis.addEventListener("unhandledrejection", onRejection);
  globalThis.addEventListener("error", onError);
  return {
    [Symbol.dispose]: () => {
      globalThis.removeEventListener("unhandledrejection", onRejection);
      globalThis.removeEventListener("error", onError);
    },
  };
}
