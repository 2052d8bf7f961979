/**
 * Listens for TCP connections, with the same interface as the Unix listener, and connects to TCP
 * servers.
 *
 * @module
 */

import { acceptNext, streamOf } from "./connections.ts";
import type { ByteStream } from "./streams.ts";
import type { PeerCredentials } from "./peer.ts";
import { tcpPeer } from "./tcp_peer.ts";

/** A connection that a {@linkcode TcpListener} accepted. */
interface TcpStream extends ByteStream {
  /** The user at the other end, if it is on this machine and the system reports it. */
  readonly peer?: PeerCredentials;
  /** The IP address of the other end. */
  readonly remoteHost: string;
}

/** A listening TCP socket. */
export class TcpListener implements Disposable {
  /** The address as `HOST:PORT`, with the actual port. */
  readonly path: string;
  /** The actual port. */
  readonly port: number;
  readonly #listener: Deno.TcpListener;
  #isClosed = false;

  private constructor(host: string, listener: Deno.TcpListener) {
    this.port = listener.addr.port;
    this.path = host.includes(":") ? `[${host}]:${this.port}` : `${host}:${this.port}`;
    this.#listener = listener;
  }

  /**
   * Starts to listen.
   *
   * @param address `port` 0 selects a free port
   * @throws {Error} the system's error if the address is in use or does not belong to this machine
   */
  static listen(address: { readonly host: string; readonly port: number }): TcpListener {
    const listener = Deno.listen({ hostname: address.host, port: address.port });
    return new TcpListener(address.host, listener);
  }

  /**
   * Accepts the next connection. Returns `undefined` once the listener is closed.
   *
   * @throws {Error} the system's error if descriptors are used up; a connection that was already
   *   accepted is closed then
   */
  async accept(): Promise<TcpStream | undefined> {
    const connection = await acceptNext(this.#listener, () => this.#isClosed);
    if (connection === undefined) return undefined;
    try {
      const peer = tcpPeer(connection.remoteAddr, connection.localAddr);
      return {
        ...promptStreamOf(connection),
        remoteHost: connection.remoteAddr.hostname,
        ...(peer === undefined ? {} : { peer }),
      };
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** Returns `false`, because a TCP address has no file to remove. */
  unlink(): boolean {
    return false;
  }

  /** Stops listening. Safe to call twice. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#listener.close();
  }

  /** Calls `close`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Connects to a server.
 *
 * @param signal cancels the attempt
 * @returns `undefined` if no process listens at the address, the host cannot be reached or the
 *   signal is aborted
 * @throws {Error} the system's error in all other cases
 */
export async function connectTcp(
  address: { readonly host: string; readonly port: number },
  signal?: AbortSignal,
): Promise<ByteStream | undefined> {
  try {
    const { host: hostname, port } = address;
    const connection = await Deno.connect({ hostname, port, ...(signal ? { signal } : {}) });
    try {
      return promptStreamOf(connection);
    } catch (error) {
      connection.close();
      throw error;
    }
  } catch (error) {
    if (signal?.aborted || isNobodyThere(error)) return undefined;
    throw error;
  }
}

/**
 * Returns the address by which another machine reaches this one: the first IPv4 address that is not
 * a loopback address. Nothing is sent to find it.
 *
 * @param host the other machine; for a loopback address, the result is the loopback address
 */
export function addressToward(host: string): string {
  if (/^127\.|^localhost$/.test(host)) return "127.0.0.1";
  const own = Deno.networkInterfaces().find((each) =>
    each.family === "IPv4" && !each.address.startsWith("127.")
  );
  return own?.address ?? "127.0.0.1";
}

/** Returns the stream of a connection. Bytes are sent at once: Nagle's algorithm is disabled. */
function promptStreamOf(connection: Deno.TcpConn): ByteStream {
  connection.setNoDelay(true);
  return streamOf(connection);
}

function isNobodyThere(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionRefused ||
    error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.TimedOut ||
    error instanceof Deno.errors.AddrNotAvailable ||
    error instanceof Deno.errors.NetworkUnreachable ||
    (error instanceof Error && /os error (101|110|113)\b/.test(error.message));
}
