/**
 * Reads the environment of this process: variables, arguments, working directory, ids, namespaces
 * and memory. It also catches the process's uncaught errors.
 *
 * @module
 */

/** Returns all environment variables. */
export function environment(): Record<string, string> {
  return Deno.env.toObject();
}

/**
 * Returns one environment variable. A variable that is not UTF-8 counts as unset, like in
 * {@linkcode environment}.
 */
export function variable(name: string): string | undefined {
  try {
    return Deno.env.get(name);
  } catch (error) {
    if (error instanceof Deno.errors.InvalidData) return undefined;
    throw error;
  }
}

/**
 * Returns true if an argument of this process is not UTF-8. The runtime replaces invalid bytes by
 * U+FFFD, so the check reads the original bytes from `/proc`. Returns false on platforms other than
 * Linux.
 *
 * @param args the arguments as the runtime gives them
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

/** Returns the absolute path of the working directory. */
export function workingDirectory(): string {
  return Deno.cwd();
}

/** Returns the id of this process. */
export function processId(): number {
  return Deno.pid;
}

/**
 * Returns the kernel's names of this process's PID and mount namespaces. Processes with the same
 * names see each other and the same files. Returns `undefined` if the platform has no namespaces or
 * hides them.
 */
export function processNamespaces(): string | undefined {
  if (Deno.build.os !== "linux") return undefined;
  try {
    return ["pid", "mnt"].map((name) => Deno.readLinkSync(`/proc/self/ns/${name}`)).join(" ");
  } catch (error) {
    // The kernel is old, or it hides the namespaces.
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof Deno.errors.PermissionDenied) return undefined;
    throw error;
  }
}

/** Returns the user id of this process, or `undefined` if the platform has no user ids. */
export function userId(): number | undefined {
  return Deno.uid() ?? undefined;
}

/** Returns the number of logical processors. */
export function processorCount(): number {
  return navigator.hardwareConcurrency;
}

/** Returns the memory use of this process, in bytes. */
export function memoryUse(): { readonly rss: number; readonly heapUsed: number } {
  return Deno.memoryUsage();
}

/**
 * Calls a function for each uncaught error, until the result is disposed. Uncaught errors are
 * unhandled promise rejections, and exceptions thrown by timers and listeners. They do not end the
 * process during that time.
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
