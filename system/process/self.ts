/**
 * Describes the running program: its executable, the command that runs it again, its platform and
 * its process name.
 *
 * @module
 */

/** The first word of a command line that makes this program a shell for tasks. */
export const TASK_SHELL = "__task-shell";

/** The executable and the main module of a running program. */
export interface ProgramDescription {
  /** True if the program is a compiled binary that contains its own code. */
  readonly standalone: boolean;
  /** The path of the running executable. */
  readonly execPath: string;
  /** The URL of the main module. */
  readonly mainModule: string;
}

/**
 * Returns `true` if this process can ask for the path of its own executable. The runtime crashes
 * when it is asked on Linux without `/proc`.
 */
export function knowsItself(): boolean {
  if (Deno.build.os !== "linux") return true;
  try {
    Deno.lstatSync("/proc/self/exe");
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Describes this program. */
export function thisProgram(): ProgramDescription {
  return {
    standalone: Deno.build.standalone,
    execPath: Deno.execPath(),
    mainModule: Deno.mainModule,
  };
}

/**
 * Returns the words that run a program again, to be followed by its arguments. A compiled binary
 * runs itself. Code in a runtime is run by the same runtime.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { selfCommand } from "./self.ts";
 *
 * const mainModule = "file:///simmer/main.ts";
 * assertEquals(selfCommand({ standalone: true, execPath: "/bin/simmer", mainModule }), [
 *   "/bin/simmer",
 * ]);
 * assertEquals(selfCommand({ standalone: false, execPath: "/bin/deno", mainModule }), [
 *   "/bin/deno",
 *   "run",
 *   "-A",
 *   mainModule,
 * ]);
 * ```
 */
export function selfCommand(program: ProgramDescription = thisProgram()): readonly string[] {
  return program.standalone
    ? [program.execPath]
    : [program.execPath, "run", "-A", program.mainModule];
}

/**
 * Returns the runtime with its version, the system and the processor. Cached results depend on
 * them.
 */
export function platformName(): string {
  const { os, arch } = Deno.build;
  return `deno ${Deno.version.deno} ${os} ${arch}`;
}

/**
 * Sets the name of this process that `ps -o comm` shows, at most 15 bytes.
 *
 * @returns `false` on platforms other than Linux, which cannot do this
 */
export function nameProcess(name: string): boolean {
  if (Deno.build.os !== "linux") return false;
  Deno.writeTextFileSync("/proc/self/comm", name);
  return true;
}
