/** Does something with the permissions of a user who owns nothing. */

const SYMBOLS = {
  setfsuid: { parameters: ["u32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const NOBODY = 65534;

/** Whether this process can do without its permissions: any user's but root's has none on Linux. */
export const canBeUnprivileged: boolean = Deno.build.os === "linux";

/**
 * Calls a function whose synchronous file operations have no more permissions than a user's who is
 * not root. A mode of 0 keeps any other user out by itself.
 */
export function unprivileged<T>(work: () => T): T {
  if (Deno.uid() !== 0) return work();
  const library = Deno.dlopen("libc.so.6", SYMBOLS);
  // It is the thread's own, and synchronous operations run in this thread.
  library.symbols.setfsuid(NOBODY);
  try {
    return work();
  } finally {
    library.symbols.setfsuid(0);
    library.close();
  }
}
