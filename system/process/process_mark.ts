/**
 * Marks: what a process and all that descend from it carry, also those that make a session of their
 * own, outlive their parents or are told nothing of their environment. Linux only.
 *
 * A mark is a number, as soft limit of "file locks" (`RLIMIT_LOCKS`). That limit is handed down
 * at each fork and exec, everybody can read it in `/proc`, and since Linux 2.4.25 it limits nothing.
 * It costs a process two system calls, and its environment stays as it is.
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
/** Above it are marks: no mark is a limit that somebody has set on purpose. */
const FIRST_MARK = 2n ** 52n;
const SELF = 0;

/** A mark that no process carried before. */
export interface ProcessMark {
  /** The number, as `/proc/PID/limits` has it. */
  readonly id: string;
  /**
   * Has all processes carry the mark that a function starts.
   *
   * @param start starts them before it returns; nobody else may start any meanwhile
   */
  around<Result>(start: () => Result): Result;
  /** The ids of the processes that carry it and have not ended. */
  carriers(): number[];
}

/** Makes marks. */
export class ProcessMarks implements Disposable {
  #libc: Libc | undefined;

  /**
   * A new mark.
   *
   * @returns `undefined` on other platforms than Linux, and where the limit is somebody's already:
   *   whoever has marked this process finds all that it starts, too
   */
  create(): ProcessMark | undefined {
    if (Deno.build.os !== "linux") return undefined;
    const libc = this.#libc ??= Deno.dlopen("libc.so.6", SYMBOLS);
    const [soft, hard] = limitOf(libc, SELF) ?? [];
    if (soft !== UNLIMITED || hard !== UNLIMITED) return undefined;
    const random = crypto.getRandomValues(new BigUint64Array(1))[0] ?? 0n;
    const mark = FIRST_MARK + random % FIRST_MARK;
    return {
      id: String(mark),
      around: (start) => {
        setOwnLimit(libc, mark);
        try {
          return start();
        } finally {
          setOwnLimit(libc, UNLIMITED);
        }
      },
      carriers: () => carriersOf(libc, mark),
    };
  }

  /** Marks that were made find nobody any more. Safe to call twice. */
  close(): void {
    this.#libc?.close();
    this.#libc = undefined;
  }

  /** As `close`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** Rids this process, and what it starts from now on, of a mark that it was started with. */
export function shedMark(): void {
  if (Deno.build.os !== "linux") return;
  const libc = Deno.dlopen("libc.so.6", SYMBOLS);
  const [soft, hard] = limitOf(libc, SELF) ?? [];
  const isMarked = soft !== undefined && soft >= FIRST_MARK && soft !== UNLIMITED;
  if (isMarked && hard === UNLIMITED) setOwnLimit(libc, UNLIMITED);
  libc.close();
}

function carriersOf(libc: Libc, mark: bigint): number[] {
  const found: number[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === Deno.pid) continue;
    if (limitOf(libc, pid)?.[0] === mark && processGroup(pid) !== undefined) found.push(pid);
  }
  return found;
}

/** @returns soft and hard; `undefined` where there is no such process, or it is another user's */
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
