/**
 * This process's memory.
 *
 * @module
 */

interface Collector {
  (options: { type: "major"; execution: "sync"; flavor: "last-resort" }): void;
}

/** Collects what is not needed any more, and gives it back to the system. */
export type ReleaseMemory = () => void;

/**
 * The runtime's own collector: one call takes some milliseconds for each ten megabytes in use, in
 * which nothing else is done.
 *
 * It is asked for by name only now: a flag at the start would have all code compiled anew that the
 * runtime has kept from runs without it.
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

/** Free memory between pieces in use stays with the process, unless the C library is told. */
function trimAllocator(): void {
  if (Deno.build.os !== "linux") return;
  const library = Deno.dlopen("libc.so.6", {
    // Only one of the C libraries has it.
    malloc_trim: { parameters: ["usize"], result: "i32", optional: true },
  });
  library.symbols.malloc_trim?.(0n);
  library.close();
}
