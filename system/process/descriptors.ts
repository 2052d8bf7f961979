/**
 * Descriptors: those that a parent process left open, of which a server keeps none, and how many
 * there can be.
 *
 * @module
 */

const DESCRIPTORS = "/proc/self/fdinfo";
const O_CLOEXEC = 0o2000000;

/**
 * Closes every descriptor above stderr that this process inherited, so that a pipe of its parent
 * (a shell's `$(…)`, make's jobserver) ends with the parent.
 *
 * The runtime opens all of its own close-on-exec, so that what is not was inherited. Does nothing
 * on other platforms than Linux.
 *
 * @returns what was closed
 */
export function closeInherited(): number[] {
  if (Deno.build.os !== "linux") return [];
  const inherited = [...Deno.readDirSync(DESCRIPTORS)]
    .map((entry) => Number(entry.name))
    .filter((descriptor) => descriptor > 2 && isInherited(descriptor));
  if (inherited.length === 0) return [];
  using library = libc();
  for (const descriptor of inherited) library.close(descriptor);
  return inherited;
}

/**
 * How many descriptors this process may have open.
 *
 * @returns `undefined` where there is no bound, or the platform does not tell (Linux does)
 */
export function descriptorLimit(): number | undefined {
  if (Deno.build.os !== "linux") return undefined;
  const [, soft] = /^Max open files\s+(\d+)/m.exec(Deno.readTextFileSync("/proc/self/limits")) ??
    [];
  return soft === undefined ? undefined : Number(soft);
}

function isInherited(descriptor: number): boolean {
  try {
    const info = Deno.readTextFileSync(`${DESCRIPTORS}/${descriptor}`);
    const flags = parseInt(info.match(/^flags:\s*(\d+)/m)?.[1] ?? "", 8);
    return (flags & O_CLOEXEC) === 0;
  } catch (error) {
    // The descriptor of the listing itself is gone by now.
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function libc(): Disposable & { close(descriptor: number): number } {
  const library = Deno.dlopen("libc.so.6", {
    close: { parameters: ["i32"], result: "i32" },
  });
  return {
    close: (descriptor) => library.symbols.close(descriptor),
    [Symbol.dispose]: () => library.close(),
  };
}
