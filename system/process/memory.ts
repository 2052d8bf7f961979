/**
 * Reads the memory of the machine and of other processes, and returns this process's free memory to
 * the system. A server does the latter when it is idle after a large build.
 *
 * @module
 */

import { isSystemError } from "../files/files.ts";
import { runTool } from "./tool.ts";

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

/**
 * Returns the memory that the processes of this machine may use, in bytes. In a cgroup with a limit
 * it is that limit.
 */
export async function usableMemory(): Promise<number> {
  const { constrainedMemory } = await import("node:process");
  const { total } = Deno.systemMemoryInfo();
  // 0: there is no limit.
  return Math.min(total, constrainedMemory() || Infinity);
}

/** Returns the resident memory of a process in bytes, or `undefined` if it cannot be read. */
export async function residentBytes(pid: number): Promise<number | undefined> {
  const kibibytes = Deno.build.os === "linux"
    ? /^VmRSS:\s*(\d+) kB$/m.exec(statusOf(pid))?.[1]
    : /^\d+$/.exec(await runTool("ps", ["-o", "rss=", "-p", String(pid)]) ?? "")?.[0];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}

function statusOf(pid: number): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/status`);
  } catch (error) {
    // The process has ended, or /proc hides it.
    if (isSystemError(error)) return "";
    throw error;
  }
}
