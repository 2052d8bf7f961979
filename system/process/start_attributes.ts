/**
 * Gives the processes of a client's tasks the attributes that they would inherit from the client:
 * umask, nice value and resource limits. Linux only.
 *
 * `posix_spawn` has no option for them, so they are set in three ways:
 *
 * - The umask is this process's own during the start. All threads share it. That is safe because
 *   this process creates files in its main thread only, which is busy with the start.
 * - A nice value is set by `nice(1)`, which replaces itself with the program. This process could
 *   not set it back to its own without a privilege.
 * - Limits are set by `prlimit(1)` in the same way. They would affect all threads of this process,
 *   and a lower hard limit could not be raised again.
 *
 * A shell with `ulimit` would not do: `dash` drops variables that it cannot name, `bash` adds some.
 *
 * @module
 */

import { variable } from "../environment.ts";
import { isSystemError, visibleKind } from "../files/files.ts";
import { linkLibc } from "../libc.ts";

const SYMBOLS = {
  prlimit: { parameters: ["i32", "i32", "buffer", "buffer"], result: "i32" },
  setpriority: { parameters: ["i32", "u32", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const SELF = 0;
const PRIO_PROCESS = 0;

/**
 * The resources, as options of `prlimit(1)`. Their order is that of the kernel's numbers and of the
 * lines in `/proc/PID/limits`.
 */
const RESOURCES = [
  "cpu",
  "fsize",
  "data",
  "stack",
  "core",
  "rss",
  "nproc",
  "nofile",
  "memlock",
  "as",
  "locks",
  "sigpending",
  "msgqueue",
  "nice",
  "rtprio",
  "rttime",
] as const;

const UNLIMITED = 2n ** 64n - 1n;

/** Folders in which `nice` and `prlimit` are looked for first. After that, this process's PATH counts. */
const TOOL_FOLDERS = ["/usr/bin", "/bin"];

/** A soft and a hard limit, in the kernel's unit. */
interface Limit {
  readonly soft: bigint;
  readonly hard: bigint;
}

/** The attributes of a process. */
interface Attributes {
  readonly umask: number;
  readonly nice: number;
  /** By resource, in the order of {@linkcode RESOURCES}. */
  readonly limits: readonly Limit[];
}

/** The start of a process with attributes that differ from those of this process. */
export interface StartAttributes {
  /** Absent: the umask of this process. */
  readonly umask?: number;
  /** A command that sets nice value and limits. It is followed by the program's own command. */
  readonly prefix: readonly string[];
  /** True if the maximum size of files differs. Only a process of its own can have that limit. */
  readonly limitsFileSize: boolean;
  /** Names of the attributes that cannot be set, for people. Absent: none. */
  readonly refusal?: string;
}

/** Determines how to start processes with the attributes of a client. */
export class ClientAttributes {
  #own: Attributes | undefined;

  /**
   * Compares the attributes of a process with those of this one.
   *
   * @returns `undefined` if they are equal, if the process has ended or hides its attributes, and
   *   on platforms other than Linux
   */
  of(pid: number): StartAttributes | undefined {
    const wanted = attributesOf(pid);
    const own = wanted === undefined ? undefined : this.#own ??= attributesOf("self");
    if (wanted === undefined || own === undefined) return undefined;
    const changed = changedLimits(own.limits, wanted.limits);
    if (wanted.umask === own.umask && wanted.nice === own.nice && changed.length === 0) {
      return undefined;
    }
    using obstacles = new Obstacles();
    const prefix = [
      ...niceCommand(wanted.nice, own.nice, obstacles),
      ...limitsCommand(changed, obstacles),
    ];
    const { refusal } = obstacles;
    return {
      ...(wanted.umask === own.umask ? {} : { umask: wanted.umask }),
      prefix,
      limitsFileSize: changed.some(({ name }) => name === "fsize"),
      ...(refusal === undefined ? {} : { refusal }),
    };
  }
}

/**
 * Does work with another umask.
 *
 * @param umask absent: that of this process
 * @param work synchronous, so that nothing else is done meanwhile
 */
export function withUmask<Result>(umask: number | undefined, work: () => Result): Result {
  if (umask === undefined) return work();
  const own = Deno.umask(umask);
  try {
    return work();
  } finally {
    Deno.umask(own);
  }
}

/** A limit that differs from that of this process. */
interface ChangedLimit {
  readonly name: typeof RESOURCES[number];
  /** The kernel's number of the resource. */
  readonly number: number;
  readonly own: Limit;
  readonly wanted: Limit;
}

function changedLimits(own: readonly Limit[], wanted: readonly Limit[]): readonly ChangedLimit[] {
  return RESOURCES.flatMap((name, number) => {
    const [before, after] = [own[number], wanted[number]];
    if (before === undefined || after === undefined || isSame(before, after)) return [];
    return [{ name, number, own: before, wanted: after }];
  });
}

/** Returns the command that sets a nice value, followed by the program's own command. */
function niceCommand(wanted: number, own: number, obstacles: Obstacles): readonly string[] {
  if (wanted === own || !obstacles.permitsNice(wanted, own)) return [];
  const nice = obstacles.tool("nice");
  return nice === undefined ? [] : [nice, "-n", String(wanted - own)];
}

/** Returns the command that sets limits, followed by the program's own command. */
function limitsCommand(
  changed: readonly ChangedLimit[],
  obstacles: Obstacles,
): readonly string[] {
  const options = changed.flatMap((change) => {
    const { name, own, wanted } = change;
    const { soft, hard } = obstacles.permitsLimit(change) ? wanted : atMost(wanted, own.hard);
    return isSame({ soft, hard }, own) ? [] : [`--${name}=${textOf(soft)}:${textOf(hard)}`];
  });
  const prlimit = options.length === 0 ? undefined : obstacles.tool("prlimit");
  return prlimit === undefined ? [] : [prlimit, ...options];
}

/**
 * Finds out what this process can set, and collects what it cannot. It asks the kernel by setting a
 * value of this process for a moment.
 */
class Obstacles implements Disposable {
  readonly #refused: string[] = [];
  readonly #missing: string[] = [];
  #library: Deno.DynamicLibrary<typeof SYMBOLS> | undefined;

  /** A sentence about everything that cannot be set; `undefined` if there is nothing. */
  get refusal(): string | undefined {
    const what = "Cannot give tasks the client's";
    if (this.#missing.length > 0) {
      return `${what} nice value and limits: ${this.#missing.join(" and ")} not found on the PATH`;
    }
    if (this.#refused.length === 0) return undefined;
    return `${what} ${this.#refused.join(", ")}: the server may not set that; after ` +
      "'simmer stop', the next run starts a server that has it";
  }

  /** Returns true if processes may get a nice value. Only a lower one needs a privilege. */
  permitsNice(wanted: number, own: number): boolean {
    if (wanted > own) return true;
    const symbols = this.#symbols();
    if (symbols?.setpriority(PRIO_PROCESS, SELF, wanted) === 0) {
      symbols.setpriority(PRIO_PROCESS, SELF, own);
      return true;
    }
    this.#refused.push(`nice value ${wanted}`);
    return false;
  }

  /** Returns true if processes may get a limit. Only a higher hard limit needs a privilege. */
  permitsLimit({ name, number, own, wanted: { hard } }: ChangedLimit): boolean {
    if (hard <= own.hard) return true;
    const symbols = this.#symbols();
    const raised = bytesOf({ soft: own.soft, hard });
    if (symbols?.prlimit(SELF, number, raised, null) === 0) {
      symbols.prlimit(SELF, number, bytesOf(own), null);
      return true;
    }
    this.#refused.push(`hard limit ${name}=${textOf(hard)}`);
    return false;
  }

  /** Returns the path of a program of the system; `undefined` if it is not installed. */
  tool(name: string): string | undefined {
    const folders = [...TOOL_FOLDERS, ...(variable("PATH") ?? "").split(":")];
    const found = folders.filter((folder) => folder.startsWith("/"))
      .map((folder) => `${folder}/${name}`)
      .find((path) => visibleKind(path) === "file");
    if (found === undefined) this.#missing.push(name);
    return found;
  }

  [Symbol.dispose](): void {
    this.#library?.close();
  }

  #symbols(): Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] | undefined {
    this.#library ??= linkLibc(SYMBOLS);
    return this.#library?.symbols;
  }
}

/** Returns a process's attributes; `undefined` if they cannot be read. */
function attributesOf(pid: number | "self"): Attributes | undefined {
  if (Deno.build.os !== "linux") return undefined;
  try {
    const [status, stat, limits] = ["status", "stat", "limits"].map((name) =>
      Deno.readTextFileSync(`/proc/${pid}/${name}`)
    );
    const [, umask] = /^Umask:\s*([0-7]+)/m.exec(status ?? "") ?? [];
    // The name in brackets can contain brackets and spaces, so start after the last bracket.
    const nice = stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[NICE];
    if (umask === undefined || nice === undefined || limits === undefined) return undefined;
    return { umask: parseInt(umask, 8), nice: Number(nice), limits: parseLimits(limits) };
  } catch (error) {
    if (isSystemError(error)) return undefined;
    throw error;
  }
}

/** The index of the nice value among the fields after the name, see proc(5). */
const NICE = 16;
/** The width of the column with a limit's name. */
const NAME_COLUMN = 26;

function parseLimits(text: string): readonly Limit[] {
  return text.split("\n").slice(1, RESOURCES.length + 1).map((line, number) => {
    const [soft = 0n, hard = 0n] = line.slice(NAME_COLUMN).trim().split(/\s+/, 2).map(valueOf);
    // Each process of simmer has its own mark as limit of file locks. It is not inherited.
    if (RESOURCES[number] === "locks") return { soft: UNLIMITED, hard: UNLIMITED };
    // Deno raises this soft limit of its own process, and so does the shell of `deno task`.
    return RESOURCES[number] === "nofile" ? { soft: hard, hard } : { soft, hard };
  });
}

function valueOf(text: string): bigint {
  return text === "unlimited" ? UNLIMITED : BigInt(text);
}

function textOf(value: bigint): string {
  return value === UNLIMITED ? "unlimited" : String(value);
}

function bytesOf({ soft, hard }: Limit): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new BigUint64Array([soft, hard]).buffer);
}

function isSame(a: Limit, b: Limit): boolean {
  return a.soft === b.soft && a.hard === b.hard;
}

function atMost({ soft, hard }: Limit, most: bigint): Limit {
  return { soft: soft < most ? soft : most, hard: hard < most ? hard : most };
}
