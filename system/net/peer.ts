/**
 * Reads which process and user are at the other end of a Unix socket, from the kernel
 * (`SO_PEERCRED`).
 *
 * Deno does not expose the descriptor of a Unix connection. The reader finds it by asking the
 * kernel about this process's descriptors one by one. A new connection is the socket that is bound
 * to the listener's path and was not there before. The search opens no descriptor, so it works even
 * if the connection has used the last one.
 *
 * @module
 */

import { descriptorLimit } from "../process/descriptors.ts";
import { linkLibc } from "../libc.ts";
import { sockets } from "./own_server.ts";

/** The process at the other end of a connection. */
export interface PeerCredentials {
  /** The process id. */
  readonly pid: number;
  /** The id of the process's user. */
  readonly uid: number;
  /** The id of the process's group. */
  readonly gid: number;
}

/** The peer of an accepted connection. */
interface AcceptedPeer {
  readonly credentials: PeerCredentials;
  /** The connection's descriptor. The connection still owns it. */
  readonly descriptor: number;
}

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const SO_ACCEPTCONN = 30;
const CREDENTIALS_BYTES = 12;
const ADDRESS_BYTES = 110;
const FAMILY_BYTES = 2;
const AF_UNIX = 1;

/** The number of the system call `fstat`. C libraries before 2.33 have no function for it. */
const SYS_FSTAT = Deno.build.arch === "x86_64" ? 5n : 80n;
/** Upper bound for the size of a `struct stat`, which begins with the device and the inode. */
const STAT_BYTES = 256;
/** Number of descriptors that are searched if there is no limit. */
const MANY = 2 ** 20;

const SYMBOLS = {
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  fstat: { name: "syscall", parameters: ["isize", "isize", "buffer"], result: "isize" },
} as const satisfies Deno.ForeignLibraryInterface;

/** Reads the credentials of connections as they are accepted. */
export class PeerReader {
  readonly #library: Deno.DynamicLibrary<typeof SYMBOLS> | undefined;
  readonly #bound: string;
  readonly #most: number;
  readonly #facts = new BigUint64Array(new ArrayBuffer(STAT_BYTES));
  /** Device and inode of each descriptor at the last search. */
  readonly #known = new Map<number, readonly [bigint, bigint]>();

  private constructor(
    library: Deno.DynamicLibrary<typeof SYMBOLS> | undefined,
    bound: string,
    most: number,
  ) {
    this.#library = library;
    this.#bound = bound;
    this.#most = most;
  }

  /**
   * Creates a reader. It reports no peers on platforms other than Linux.
   *
   * @param bound the path that the listener was bound to, even if it was renamed later
   */
  static open(bound: string): PeerReader {
    const most = descriptorLimit() ?? MANY;
    return new PeerReader(linkLibc(SYMBOLS), bound, most);
  }

  /**
   * Reads the credentials of the connection that was accepted since the last call.
   *
   * @returns `undefined` if the platform does not report peers
   * @throws {Error} if the connection is not found
   */
  read(): AcceptedPeer | undefined {
    if (this.#library === undefined) return undefined;
    for (let descriptor = 0; descriptor < this.#most; descriptor++) {
      if (!this.#isFresh(descriptor) || !this.#isAccepted(descriptor)) continue;
      const credentials = this.#library && credentialsOf(this.#library, descriptor);
      if (credentials !== undefined) return { credentials, descriptor };
    }
    throw new Error(`Cannot tell whose a connection to ${this.#bound} is`);
  }

  /** Closes the library. Must be called only once. */
  close(): void {
    this.#library?.close();
  }

  /** Returns `true` if a descriptor is open and has changed since the last search. */
  #isFresh(descriptor: number): boolean {
    const bytes = new Uint8Array(this.#facts.buffer);
    const failed = this.#library?.symbols.fstat(SYS_FSTAT, BigInt(descriptor), bytes);
    if (failed !== 0n) {
      this.#known.delete(descriptor);
      return false;
    }
    const [device = 0n, inode = 0n] = this.#facts;
    const known = this.#known.get(descriptor);
    if (known !== undefined && known[0] === device && known[1] === inode) return false;
    this.#known.set(descriptor, [device, inode]);
    return true;
  }

  /**
   * Returns `true` if a descriptor is a connection to the listener, and not the listener itself.
   */
  #isAccepted(descriptor: number): boolean {
    if (this.#boundPath(descriptor) !== this.#bound) return false;
    const listens = new Uint32Array(1);
    const length = new Uint8Array(new Uint32Array([4]).buffer);
    const value = new Uint8Array(listens.buffer);
    const { getsockopt } = this.#library?.symbols ?? {};
    return getsockopt?.(descriptor, SOL_SOCKET, SO_ACCEPTCONN, value, length) === 0 &&
      listens[0] === 0;
  }

  #boundPath(descriptor: number): string | undefined {
    const address = new Uint8Array(ADDRESS_BYTES);
    const length = new Uint32Array([ADDRESS_BYTES]);
    const bytes = new Uint8Array(length.buffer);
    if (this.#library?.symbols.getsockname(descriptor, address, bytes) !== 0) return undefined;
    if (new DataView(address.buffer).getUint16(0, true) !== AF_UNIX) return undefined;
    const path = address.subarray(FAMILY_BYTES, length[0]);
    const end = path.indexOf(0);
    return new TextDecoder().decode(end < 0 ? path : path.subarray(0, end));
  }
}

/**
 * Reads which process is at the other end of a connection. For the connecting end, this is the
 * process that listens.
 *
 * @param descriptor the connection's descriptor
 * @returns `undefined` if the platform does not report peers
 */
export function peerCredentials(descriptor: number): PeerCredentials | undefined {
  const library = linkLibc(SYMBOLS);
  if (library === undefined) return undefined;
  try {
    return credentialsOf(library, descriptor);
  } finally {
    library.close();
  }
}

function credentialsOf(
  library: Deno.DynamicLibrary<typeof SYMBOLS>,
  descriptor: number,
): PeerCredentials | undefined {
  const values = new Uint32Array(CREDENTIALS_BYTES / 4);
  const length = new Uint8Array(new Uint32Array([CREDENTIALS_BYTES]).buffer);
  const failed = library.symbols.getsockopt(
    descriptor,
    SOL_SOCKET,
    SO_PEERCRED,
    new Uint8Array(values.buffer),
    length,
  );
  const [pid, uid, gid] = values;
  if (failed !== 0 || pid === undefined || uid === undefined || gid === undefined) {
    return undefined;
  }
  return { pid, uid, gid };
}

/** Finds the sockets that this process has opened since this object was created. Linux only. */
export class FreshSockets {
  readonly #before = Deno.build.os === "linux" ? sockets() : new Map<string, number>();

  /** Returns the descriptors of the new sockets. */
  descriptors(): number[] {
    if (Deno.build.os !== "linux") return [];
    return [...sockets()].filter(([link]) => !this.#before.has(link)).map(([, each]) => each);
  }
}
