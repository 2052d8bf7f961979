/**
 * Starts processes with `posix_spawn` (Linux, glibc). This process is not copied for it. The
 * session, the working directory and the descriptors of the new process are set before its program
 * begins.
 *
 * @module
 */

import { ForeignDescriptors } from "./foreign_descriptors.ts";
import {
  type OutputKind,
  type SpawnOptions,
  stdinAccess,
  stdinPath,
  type StdinSource,
} from "./group_process.ts";
import { ERRNO_SYMBOLS, errnoOf, linkLibc, systemError } from "../libc.ts";
import { type MasterTerminal, PseudoTerminals } from "./pseudo_terminal.ts";

const SYMBOLS = {
  posix_spawn: {
    parameters: ["buffer", "buffer", "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
  },
  posix_spawn_file_actions_init: { parameters: ["buffer"], result: "i32" },
  posix_spawn_file_actions_adddup2: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  posix_spawn_file_actions_addopen: {
    parameters: ["buffer", "i32", "buffer", "i32", "u32"],
    result: "i32",
  },
  posix_spawn_file_actions_addchdir_np: { parameters: ["buffer", "buffer"], result: "i32" },
  posix_spawn_file_actions_destroy: { parameters: ["buffer"], result: "i32" },
  posix_spawnattr_init: { parameters: ["buffer"], result: "i32" },
  posix_spawnattr_setflags: { parameters: ["buffer", "i16"], result: "i32" },
  posix_spawnattr_setsigdefault: { parameters: ["buffer", "buffer"], result: "i32" },
  posix_spawnattr_setsigmask: { parameters: ["buffer", "buffer"], result: "i32" },
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  open: { parameters: ["buffer", "i32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  ...ERRNO_SYMBOLS,
} as const satisfies Deno.ForeignLibraryInterface;

const O_RDONLY = 0;
const O_RDWR = 2;
const O_NOCTTY = 0o400;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const F_SETFL = 4;
const SETSIGDEF = 0x04;
const SETSIGMASK = 0x08;
const SETSID = 0x80;
const ENOEXEC = 8;
const EINVAL = 22;
const SIGPIPE = 13;
/** Set of the signals 1 to 31 whose handling a program can change: all but SIGKILL and SIGSTOP. */
const SIGNALS = 0x7fff_ffffn & ~(1n << 8n) & ~(1n << 18n);
/** Larger than glibc's structures on any processor. */
const STRUCTURE_BYTES = 512;
const SIGNAL_SET_BYTES = 128;
const STDIN = 0;

/** A process that was started. */
export interface Spawned {
  readonly pid: number;
  /** Non-blocking read ends of the process's output. The caller owns them. */
  readonly stdout: number;
  /** Absent if `stdout` is for both. */
  readonly stderr: number | undefined;
  /** Present if `stdout` is the master of a pseudo-terminal. */
  readonly terminal: MasterTerminal | undefined;
  /** True if no pseudo-terminal could be created, so that `stdout` is a pipe. */
  readonly lacksTerminal: boolean;
}

/** Ends of the pipes, or of the pseudo-terminal, for a process's output. */
interface OutputEnds extends Omit<Spawned, "pid" | "terminal"> {
  /** The process's stdout and stderr. */
  readonly write: readonly [stdout: number, stderr: number];
  readonly isTerminal: boolean;
  /** Path of the pseudo-terminal if it is the process's controlling terminal. */
  readonly controlling: string | undefined;
}

/** Starts processes. */
export class PosixSpawn implements Disposable {
  readonly #library: Deno.DynamicLibrary<typeof SYMBOLS>;
  readonly #foreign: ForeignDescriptors;
  readonly #terminals: PseudoTerminals;
  readonly #attributes: Uint8Array<ArrayBuffer>;
  /** Attributes of a process with a controlling terminal. */
  readonly #interactive: Uint8Array<ArrayBuffer>;
  readonly #words = new StringVector();
  readonly #environment = new StringVector();

  private constructor(
    library: Deno.DynamicLibrary<typeof SYMBOLS>,
    foreign: ForeignDescriptors,
    terminals: PseudoTerminals,
  ) {
    this.#library = library;
    this.#foreign = foreign;
    this.#terminals = terminals;
    // The runtime ignores SIGPIPE. If a task inherited that, `yes | head` would never end.
    this.#attributes = attributes(library, 1n << BigInt(SIGPIPE - 1));
    // A server that was started by `nohup` ignores SIGHUP, but a terminal ends its tasks by it.
    this.#interactive = attributes(library, SIGNALS);
  }

  /**
   * Links the C library.
   *
   * @returns `undefined` on platforms other than Linux and with a C library other than glibc
   */
  static open(): PosixSpawn | undefined {
    using acquired = new DisposableStack();
    const foreign = acquired.use(ForeignDescriptors.open());
    const terminals = acquired.use(PseudoTerminals.open());
    const library = linkLibc(SYMBOLS);
    if (foreign === undefined || terminals === undefined || library === undefined) {
      return undefined;
    }
    acquired.move();
    return new PosixSpawn(library, foreign, terminals);
  }

  /**
   * Starts a process as the leader of its own session. If the kernel does not accept the file as a
   * program (ENOEXEC), `/bin/sh` runs it as a script, as shells do.
   *
   * @param request its descriptors may not have any of the new numbers, because an earlier `dup2`
   *   could overwrite them
   * @throws {Deno.errors.NotFound} if the program or the working directory does not exist
   * @throws {Deno.errors.PermissionDenied} if the program may not be run
   * @throws {Error} the system's error if descriptors, memory or processes are used up
   */
  spawn(request: SpawnOptions): Spawned {
    const opened: number[] = [];
    try {
      const ends = this.#output(request, opened);
      const { write, stdout, stderr, isTerminal, lacksTerminal, controlling } = ends;
      const stdin = controlling === undefined ? this.#stdin(request.stdin, opened) : write[0];
      const pid = this.#spawn(request, [stdin, ...write], controlling);
      return {
        pid,
        stdout: this.#kept(stdout, opened),
        stderr: stderr === undefined ? undefined : this.#kept(stderr, opened),
        terminal: isTerminal ? this.#terminals.terminalOf(stdout, pid) : undefined,
        lacksTerminal,
      };
    } finally {
      for (const each of opened) this.#library.symbols.close(each);
    }
  }

  /** Returns `true` if a started process can be given another process's stdin. */
  sharesStdin(source: { readonly fromProcess: number }): boolean {
    const access = stdinAccess(source);
    return access === "open" || access === "take" && this.#foreign.canTake(source.fromProcess, 0);
  }

  /** Returns `true` if a process's stdin has bytes to read now. */
  hasInput(pid: number): boolean {
    return this.#foreign.hasInput(pid, STDIN);
  }

  /** Closes the library. Processes that were started are not affected. */
  close(): void {
    this.#foreign.close();
    this.#terminals.close();
    this.#library.close();
  }

  /** Calls `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #spawn(
    { command, calledAs = command, args, cwd, env, descriptors }: SpawnOptions,
    streams: readonly number[],
    controlling: string | undefined,
  ): number {
    const { symbols } = this.#library;
    const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const what = `Failed to start '${command}' in '${cwd}'`;
    const isCut = (each: string): boolean => each.includes("\0");
    if ([command, cwd, ...args, ...variables].some(isCut)) throw systemError(EINVAL, what);
    const actions = structure(STRUCTURE_BYTES);
    symbols.posix_spawn_file_actions_init(actions);
    // The leader of a new session gets the first terminal that it opens as controlling terminal.
    if (controlling !== undefined) {
      symbols.posix_spawn_file_actions_addopen(actions, 0, text(controlling), O_RDWR, 0);
    }
    streams.forEach((each, at) => symbols.posix_spawn_file_actions_adddup2(actions, each, at));
    for (const [number, own] of descriptors ?? []) {
      symbols.posix_spawn_file_actions_adddup2(actions, own, number);
    }
    symbols.posix_spawn_file_actions_addchdir_np(actions, text(cwd));
    const environment = this.#environment.write(variables);
    const attributes = controlling === undefined ? this.#attributes : this.#interactive;
    const pid = structure(4);
    const start = (program: string, words: readonly string[]): number => {
      const argv = this.#words.write(words);
      const path = text(program);
      return symbols.posix_spawn(pid, path, actions, attributes, argv, environment);
    };
    let error = start(command, [calledAs, ...args]);
    if (error === ENOEXEC) error = start("/bin/sh", ["/bin/sh", command, ...args]);
    symbols.posix_spawn_file_actions_destroy(actions);
    if (error !== 0) throw systemError(error, what);
    return new DataView(pid.buffer).getInt32(0, true);
  }

  /**
   * Returns the descriptor that becomes stdin. It is added to `opened` if it must be closed later.
   */
  #stdin(source: StdinSource, opened: number[]): number {
    if (source === "inherited") return STDIN;
    if (source === "empty") return push(opened, this.#open("/dev/null"));
    if ("descriptor" in source) return source.descriptor;
    const { fromProcess } = source;
    const taken = stdinAccess(source) === "take"
      ? this.#foreign.take(fromProcess, STDIN)
      : undefined;
    return push(opened, taken ?? this.#open(stdinPath(fromProcess)));
  }

  /**
   * Opens a file for reading. Opens it non-blocking first, because a named pipe without a writer
   * would block this process.
   */
  #open(path: string): number {
    const { symbols } = this.#library;
    const stdin = symbols.open(text(path), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (stdin < 0) throw systemError(errnoOf(symbols), `Failed to open '${path}'`);
    symbols.fcntl(stdin, F_SETFL, 0);
    return stdin;
  }

  #output(
    { command, output = "separate" }: { readonly command: string; readonly output?: OutputKind },
    opened: number[],
  ): OutputEnds {
    const terminal = typeof output === "string" ? undefined : this.#terminals.create(output);
    if (terminal !== undefined) {
      const { master, slave, path } = terminal;
      opened.push(master, slave);
      const hasKeyboard = typeof output !== "string" && output.keyboard !== undefined;
      const facts = { isTerminal: true, lacksTerminal: false };
      const controlling = hasKeyboard ? path : undefined;
      return { write: [slave, slave], stdout: master, stderr: undefined, controlling, ...facts };
    }
    const facts = {
      isTerminal: false,
      lacksTerminal: typeof output !== "string",
      controlling: undefined,
    };
    const { read, write } = this.#pipe(command, opened);
    if (output !== "separate") {
      return { write: [write, write], stdout: read, stderr: undefined, ...facts };
    }
    const stderr = this.#pipe(command, opened);
    return { write: [write, stderr.write], stdout: read, stderr: stderr.read, ...facts };
  }

  #pipe(command: string, opened: number[]): { readonly read: number; readonly write: number } {
    const { symbols } = this.#library;
    const ends = new Int32Array(new ArrayBuffer(8));
    if (symbols.pipe2(new Uint8Array(ends.buffer), O_CLOEXEC) !== 0) {
      throw systemError(errnoOf(symbols), `Failed to start '${command}'`);
    }
    const [read = -1, write = -1] = ends;
    opened.push(read, write);
    symbols.fcntl(read, F_SETFL, O_NONBLOCK);
    return { read, write };
  }

  /** Removes a descriptor from the list of those that will be closed. */
  #kept(descriptor: number, opened: number[]): number {
    opened.splice(opened.indexOf(descriptor), 1);
    return descriptor;
  }
}

/** @param defaults set of the signals that have their default action in the process */
function attributes(
  { symbols }: Deno.DynamicLibrary<typeof SYMBOLS>,
  defaults: bigint,
): Uint8Array<ArrayBuffer> {
  const made = structure(STRUCTURE_BYTES);
  const set = structure(SIGNAL_SET_BYTES);
  new DataView(set.buffer).setBigUint64(0, defaults, true);
  symbols.posix_spawnattr_init(made);
  symbols.posix_spawnattr_setflags(made, SETSID | SETSIGDEF | SETSIGMASK);
  symbols.posix_spawnattr_setsigdefault(made, set);
  symbols.posix_spawnattr_setsigmask(made, structure(SIGNAL_SET_BYTES));
  return made;
}

/**
 * A list of strings in C's layout: pointers to the strings, followed by a null pointer. The list is
 * rewritten for each process. Its memory is held in fields, because a raw pointer does not protect
 * its target from garbage collection.
 */
class StringVector {
  #bytes = structure(16 * 1024);
  #pointers = new BigUint64Array(new ArrayBuffer(8));

  /**
   * Writes the strings.
   *
   * @returns the pointers, which are valid until the next call
   */
  write(strings: readonly string[]): Uint8Array<ArrayBuffer> {
    const joined = `${strings.join("\0")}\0`;
    // One UTF-16 unit takes at most three bytes in UTF-8.
    if (this.#bytes.length < joined.length * 3) this.#bytes = structure(joined.length * 3);
    encoder.encodeInto(joined, this.#bytes);
    this.#pointers = new BigUint64Array(new ArrayBuffer((strings.length + 1) * 8));
    const start = Deno.UnsafePointer.value(Deno.UnsafePointer.of(this.#bytes));
    for (let at = 0, offset = 0; at < strings.length; at++) {
      this.#pointers[at] = start + BigInt(offset);
      offset = this.#bytes.indexOf(0, offset) + 1;
    }
    return new Uint8Array(this.#pointers.buffer);
  }
}

const encoder = new TextEncoder();

function push(descriptors: number[], descriptor: number): number {
  descriptors.push(descriptor);
  return descriptor;
}

/** Encodes a string with C's final zero. */
function text(value: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(`${value}\0`);
}

/**
 * Allocates memory that does not move. V8 stores small arrays among its own objects, which it
 * moves. Arrays with their own buffer stay in place.
 */
function structure(bytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new ArrayBuffer(bytes));
}
