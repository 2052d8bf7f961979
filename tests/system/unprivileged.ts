/** Runs functions with the permissions of an unprivileged user. */

const SYMBOLS = {
  setfsuid: { parameters: ["u32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const NOBODY = 65534;

/** True if this process can run without root's permissions, which is only supported on Linux. */
export const canBeUnprivileged: boolean = Deno.build.os === "linux";

/**
 * Calls a function whose synchronous file operations have the permissions of an unprivileged user.
 * A process of another user than root needs no change, as a mode of 0 also excludes the owner.
 */
export function unprivileged<T>(work: () => T): T {
  if (Deno.uid() !== 0) return work();
  const library = Deno.dlopen("libc.so.6", SYMBOLS);
  // The file system user belongs to the thread, and synchronous operations run in this thread.
  library.symbols.setfsuid(NOBODY);
  try {
    return work();
  } finally {
    library.symbols.setfsuid(0);
    library.close();
  }
}
