/**
 * Descriptors that a parent process left open: a server keeps none of them.
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
