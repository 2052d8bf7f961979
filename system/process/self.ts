/**
 * This very program: how to run it again, and what it is called.
 *
 * @module
 */

/** What is known of a running program. */
export interface ProgramDescription {
  /** Whether it is a compiled binary that holds its own code. */
  readonly standalone: boolean;
  /** The executable that runs. */
  readonly execPath: string;
  /** The module that was run, as a URL. */
  readonly mainModule: string;
}

/**
 * Whether this process can be asked for its own executable: on Linux, without `/proc`, the runtime
 * dies of the question.
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

/** What is known of this program. */
export function thisProgram(): ProgramDescription {
  return {
    standalone: Deno.build.standalone,
    execPath: Deno.execPath(),
    mainModule: Deno.mainModule,
  };
}

/**
 * The words that run a program again, before its arguments: a compiled binary runs itself, code
 * that a runtime runs is run by the same runtime.
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

/** The runtime with its version, the system and the processor, as results depend on them. */
export function platformName(): string {
  const { os, arch } = Deno.build;
  return `deno ${Deno.version.deno} ${os} ${arch}`;
}

/**
 * Gives this process a name of its own, as `ps -o comm` shows it: 15 bytes at the most.
 *
 * @returns whether the platform can: only Linux does
 */
export function nameProcess(name: string): boolean {
  if (Deno.build.os !== "linux") return false;
  Deno.writeTextFileSync("/proc/self/comm", name);
  return true;
}
