/**
 * Closes the descriptors that this process inherited from its parent, and reads the limit of open
 * descriptors.
 *
 * @module
 */

const DESCRIPTORS = "/proc/self/fdinfo";
const O_CLOEXEC = 0o2000000;

/**
 * Closes every descriptor above stderr that this process inherited. A pipe of the parent (a shell's
 * `$(…)`, make's jobserver) would otherwise stay open for as long as the server runs.
 *
 * The runtime opens all of its own descriptors close-on-exec. Any descriptor without that flag was
 * therefore inherited. Does nothing on platforms other than Linux.
 *
 * @returns the descriptors that were closed
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
 * Reads how many descriptors this process may have open.
 *
 * @returns `undefined` if there is no limit, or if the platform does not report one (Linux does)
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
    // The descriptor of the directory listing itself is closed by now.
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
