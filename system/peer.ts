/**
 * Who is at the other end of a Unix socket, as the kernel says (`SO_PEERCRED`).
 *
 * Deno gives no descriptor of a connection, so that a new connection's is found among the
 * process's own: it is the socket that was not there before and is bound to the listener's path.
 *
 * @module
 */

/** The process at the other end. */
export interface PeerCredentials {
  /** Its process id. */
  readonly pid: number;
  /** Its user's id. */
  readonly uid: number;
  /** Its group's id. */
  readonly gid: number;
}

/** A connection that was accepted. */
export interface AcceptedPeer {
  readonly credentials: PeerCredentials;
  /** The connection's own descriptor, which still belongs to whoever accepted it. */
  readonly descriptor: number;
}

const DESCRIPTORS = "/proc/self/fd";
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const CREDENTIALS_BYTES = 12;
const ADDRESS_BYTES = 110;
const FAMILY_BYTES = 2;
const AF_UNIX = 1;

const SYMBOLS = {
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** Reads the credentials of connections as they are accepted. */
export class PeerReader {
  readonly #library: Deno.DynamicLibrary<typeof SYMBOLS> | undefined;
  #known: ReadonlySet<string> = new Set();

  private constructor(library: Deno.DynamicLibrary<typeof SYMBOLS> | undefined) {
    this.#library = library;
    if (library !== undefined) this.#known = new Set(sockets().keys());
  }

  /** Makes a reader; on other platforms than Linux it knows nobody. */
  static open(): PeerReader {
    return new PeerReader(
      Deno.build.os === "linux" ? Deno.dlopen("libc.so.6", SYMBOLS) : undefined,
    );
  }

  /**
   * Who is at the other end of the connection that was accepted since the last call.
   *
   * @param bound the path that the listener was bound to, whatever it has been renamed to since
   * @returns `undefined` where the platform can't tell
   */
  read(bound: string): AcceptedPeer | undefined {
    if (this.#library === undefined) return undefined;
    const present = sockets();
    const fresh = [...present].filter(([link]) => !this.#known.has(link));
    this.#known = new Set(present.keys());
    for (const [, descriptor] of fresh) {
      if (this.#boundPath(descriptor) === bound) {
        const credentials = this.#credentials(descriptor);
        return credentials && { credentials, descriptor };
      }
    }
    return undefined;
  }

  /** Closes the library; safe to call once. */
  close(): void {
    this.#library?.close();
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

  #credentials(descriptor: number): PeerCredentials | undefined {
    const values = new Uint32Array(CREDENTIALS_BYTES / 4);
    const length = new Uint8Array(new Uint32Array([CREDENTIALS_BYTES]).buffer);
    const failed = this.#library?.symbols.getsockopt(
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
}

/** The Unix sockets of this process that were not there before, by their descriptors; Linux. */
export class FreshSockets {
  readonly #before = Deno.build.os === "linux" ? sockets() : new Map<string, number>();

  /** Those that were made since this object. */
  descriptors(): number[] {
    if (Deno.build.os !== "linux") return [];
    return [...sockets()].filter(([link]) => !this.#before.has(link)).map(([, each]) => each);
  }
}

/** This process's sockets: what the descriptor's link says, and the descriptor. */
function sockets(): Map<string, number> {
  const found = new Map<string, number>();
  for (const entry of Deno.readDirSync(DESCRIPTORS)) {
    try {
      const link = Deno.readLinkSync(`${DESCRIPTORS}/${entry.name}`);
      if (link.startsWith("socket:")) found.set(link, Number(entry.name));
    } catch (error) {
      // The descriptor of the listing itself is gone by now.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return found;
}
