/** Limits the descriptors of a process, to simulate a shortage (Linux). */

const SYMBOLS = {
  prlimit: { parameters: ["i32", "i32", "buffer", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const RLIMIT_NOFILE = 7;

/** Lists the open descriptors of a process, without the one that reads the list. */
export function descriptorsOf(pid: number): number[] {
  const open: number[] = [];
  for (const { name } of Deno.readDirSync(`/proc/${pid}/fd`)) {
    try {
      if (Deno.readLinkSync(`/proc/${pid}/fd/${name}`) !== `/proc/${pid}/fd`) {
        open.push(Number(name));
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return open.sort((a, b) => a - b);
}

/**
 * Limits a process to `free` more descriptors until disposal. Open descriptors stay open.
 *
 * @param pid a process of the same user
 * @param free number of descriptors that it can still open
 */
export function leaveDescriptors(pid: number, free: number): Disposable {
  const library = Deno.dlopen("libc.so.6", SYMBOLS);
  const open = new Set(descriptorsOf(pid));
  let limit = 0;
  for (let left = free; left > 0 || open.has(limit); limit++) if (!open.has(limit)) left--;
  const before = new BigUint64Array(2);
  const set = (values: BigUint64Array<ArrayBuffer> | null): void => {
    const result = library.symbols.prlimit(
      pid,
      RLIMIT_NOFILE,
      values === null ? null : new Uint8Array(values.buffer),
      new Uint8Array(before.buffer),
    );
    if (result !== 0) throw new Error(`Cannot set the limits of process ${pid}`);
  };
  set(null);
  const [soft = 0n, hard = 0n] = before;
  set(new BigUint64Array([BigInt(limit), hard]));
  return {
    [Symbol.dispose]: () => {
      set(new BigUint64Array([soft, hard]));
      library.close();
    },
  };
}
