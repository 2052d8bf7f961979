/**
 * Collects this process's garbage and returns the freed memory to the system. A server does this
 * when it is idle after a large build.
 *
 * @module
 */

interface Collector {
  (options: { type: "major"; execution: "sync"; flavor: "last-resort" }): void;
}

/** Runs a full garbage collection and returns the freed memory to the system. */
export type ReleaseMemory = () => void;

/**
 * Gets access to V8's garbage collector. One collection blocks this process for some milliseconds
 * per ten megabytes in use.
 *
 * The flag `--expose-gc` is set only here, at run time. If it were set at startup, the runtime
 * could not use the compiled code that it cached in runs without the flag, and would compile
 * everything again.
 */
export async function memoryReleaser(): Promise<ReleaseMemory> {
  const [{ setFlagsFromString }, { runInNewContext }] = await Promise.all([
    import("node:v8"),
    import("node:vm"),
  ]);
  setFlagsFromString("--expose-gc");
  const collect: Collector = runInNewContext("gc");
  return () => {
    collect({ type: "major", execution: "sync", flavor: "last-resort" });
    trimAllocator();
  };
}

/**
 * Tells the C library to return free memory between used blocks. Without this call it stays with
 * the process.
 */
function trimAllocator(): void {
  if (Deno.build.os !== "linux") return;
  const library = Deno.dlopen("libc.so.6", {
    // Only glibc has this function.
    malloc_trim: { parameters: ["usize"], result: "i32", optional: true },
  });
  library.symbols.malloc_trim?.(0n);
  library.close();
}
