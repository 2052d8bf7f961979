/**
 * Tags a task's process so that all of its descendants can be found. Descendants inherit the tag
 * even if they create their own session, outlive their parents or start with an empty environment.
 * Linux only.
 *
 * A tag is a number that is stored as the soft limit of "file locks" (`RLIMIT_LOCKS`). The kernel
 * copies that limit at each fork and exec, every process can read it in `/proc`, and it has limited
 * nothing since Linux 2.4.25. A tag costs a process two system calls and does not change its
 * environment.
 *
 * @module
 */

import { processGroup } from "./processes.ts";

const SYMBOLS = {
  prlimit: { parameters: ["i32", "i32", "buffer", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

type Libc = Deno.DynamicLibrary<typeof SYMBOLS>;

const RLIMIT_LOCKS = 10;
const UNLIMITED = 2n ** 64n - 1n;
/** Tags are at least this large. A user never sets so large a limit on purpose. */
const FIRST_TAG = 2n ** 52n;
const SELF = 0;

/** A tag that no process carried before. */
export interface ProcessTag {
  /** The number, as `/proc/PID/limits` shows it. */
  readonly id: string;
  /**
   * Tags all processes that a function starts.
   *
   * @param start must start them before it returns; no other code may start a process meanwhile
   */
  around<Result>(start: () => Result): Result;
  /** Returns the ids of the processes that carry the tag and have not ended. */
  carriers(): number[];
}

/** Creates tags. */
export class ProcessTags implements Disposable {
  #libc: Libc | undefined;

  /**
   * Creates a new tag.
   *
   * @returns `undefined` on platforms other than Linux, and if this process already has a limit.
   *   That limit may be the tag of another program, which must still find all that this process
   *   starts.
   */
  create(): ProcessTag | undefined {
    if (Deno.build.os !== "linux") return undefined;
    const libc = this.#libc ??= Deno.dlopen("libc.so.6", SYMBOLS);
    const [soft, hard] = limitOf(libc, SELF) ?? [];
    if (soft !== UNLIMITED || hard !== UNLIMITED) return undefined;
    const random = crypto.getRandomValues(new BigUint64Array(1))[0] ?? 0n;
    const tag = FIRST_TAG + random % FIRST_TAG;
    return {
      id: String(tag),
      around: (start) => {
        setOwnLimit(libc, tag);
        try {
          return start();
        } finally {
          setOwnLimit(libc, UNLIMITED);
        }
      },
      carriers: () => carriersOf(libc, tag),
    };
  }

  /** Returns the id of the tag that a process carries; `undefined` if it carries none. */
  of(pid: number): string | undefined {
    if (Deno.build.os !== "linux") return undefined;
    const libc = this.#libc ??= Deno.dlopen("libc.so.6", SYMBOLS);
    const [soft] = limitOf(libc, pid) ?? [];
    return soft === undefined || soft < FIRST_TAG || soft === UNLIMITED ? undefined : String(soft);
  }

  /** Closes the library. Existing tags must not be used any more. Safe to call twice. */
  close(): void {
    this.#libc?.close();
    this.#libc = undefined;
  }

  /** Calls `close`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Removes an inherited tag from this process and from all processes that it starts from now on.
 */
export function shedTag(): void {
  if (Deno.build.os !== "linux") return;
  const libc = Deno.dlopen("libc.so.6", SYMBOLS);
  const [soft, hard] = limitOf(libc, SELF) ?? [];
  const isTagged = soft !== undefined && soft >= FIRST_TAG && soft !== UNLIMITED;
  if (isTagged && hard === UNLIMITED) setOwnLimit(libc, UNLIMITED);
  libc.close();
}

function carriersOf(libc: Libc, tag: bigint): number[] {
  const found: number[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === Deno.pid) continue;
    if (limitOf(libc, pid)?.[0] === tag && processGroup(pid) !== undefined) found.push(pid);
  }
  return found;
}

/**
 * Reads a process's limit.
 *
 * @returns soft and hard limit; `undefined` if the process does not exist or belongs to another
 *   user
 */
function limitOf(libc: Libc, pid: number): readonly [bigint, bigint] | undefined {
  const limit = new BigUint64Array(2);
  const bytes = new Uint8Array(limit.buffer);
  if (libc.symbols.prlimit(pid, RLIMIT_LOCKS, null, bytes) !== 0) return undefined;
  return [limit[0] ?? 0n, limit[1] ?? 0n];
}

function setOwnLimit(libc: Libc, soft: bigint): void {
  const limit = new Uint8Array(new BigUint64Array([soft, UNLIMITED]).buffer);
  libc.symbols.prlimit(SELF, RLIMIT_LOCKS, limit, null);
}
