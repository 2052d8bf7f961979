/**
 * TCP: a listener that fits beside the Unix one, and connecting.
 *
 * @module
 */

import type { ByteStream } from "./streams.ts";
import type { PeerCredentials } from "./peer.ts";
import { tcpPeer } from "./tcp_peer.ts";

/** A connection that a {@linkcode TcpListener} accepted. */
interface TcpStream extends ByteStream {
  /** Whose process is at the other end, where that is on this machine and the system can tell. */
  readonly peer?: PeerCredentials;
  /** The other end's IP address. */
  readonly remoteHost: string;
}

/** A listening TCP socket. */
export class TcpListener implements Disposable {
  /** Where it listens, as `HOST:PORT` with the port that it has got. */
  readonly path: string;
  /** The port that it has got. */
  readonly port: number;
  readonly #listener: Deno.TcpListener;
  #isClosed = false;

  private constructor(host: string, listener: Deno.TcpListener) {
    this.port = listener.addr.port;
    this.path = host.includes(":") ? `[${host}]:${this.port}` : `${host}:${this.port}`;
    this.#listener = listener;
  }

  /**
   * Listens.
   *
   * @param address `port` 0: any that is free
   * @throws {Error} what the system says where the address is in use or not this machine's
   */
  static listen(address: { readonly host: string; readonly port: number }): TcpListener {
    const listener = Deno.listen({ hostname: address.host, port: address.port });
    return new TcpListener(address.host, listener);
  }

  /**
   * The next connection; `undefined` once the listener is closed.
   *
   * @throws {Error} what the system says if there are no descriptors left; a connection that was
   *   accepted is closed then
   */
  async accept(): Promise<TcpStream | undefined> {
    const connection = await this.#next();
    if (connection === undefined) return undefined;
    try {
      const peer = tcpPeer(connection.remoteAddr, connection.localAddr);
      return {
        ...streamOf(connection),
        remoteHost: connection.remoteAddr.hostname,
        ...(peer === undefined ? {} : { peer }),
      };
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** A TCP address leaves no name behind: there is nothing to take away. */
  unlink(): boolean {
    return false;
  }

  /** Stops listening. Safe to call twice. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#listener.close();
  }

  async #next(): Promise<Deno.TcpConn | undefined> {
    try {
      return await this.#listener.accept();
    } catch (error) {
      if (this.#isClosed && isClosedError(error)) return undefined;
      throw error;
    }
  }

  /** As `close`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Connects.
 *
 * @param signal gives up
 * @returns `undefined` where nobody listens, the host can't be reached or the signal is aborted
 * @throws {Error} what the system says otherwise
 */
export async function connectTcp(
  address: { readonly host: string; readonly port: number },
  signal?: AbortSignal,
): Promise<ByteStream | undefined> {
  try {
    const { host: hostname, port } = address;
    const connection = await Deno.connect({ hostname, port, ...(signal ? { signal } : {}) });
    try {
      return streamOf(connection);
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
 * The address of this machine by which another one reaches it. Nothing is sent to find out.
 *
 * @param host the other machine; a loopback address is reached by loopback
 */
export function addressToward(host: string): string {
  if (/^127\.|^localhost$/.test(host)) return "127.0.0.1";
  const own = Deno.networkInterfaces().find((each) =>
    each.family === "IPv4" && !each.address.startsWith("127.")
  );
  return own?.address ?? "127.0.0.1";
}

/** A connection that can be closed twice; what is written is sent at once. */
function streamOf(connection: Deno.TcpConn): ByteStream {
  connection.setNoDelay(true);
  let isClosed = false;
  return {
    read: (buffer) => connection.read(buffer),
    write: (bytes) => connection.write(bytes),
    close: () => {
      if (isClosed) return;
      isClosed = true;
      connection.close();
    },
  };
}

function isClosedError(error: unknown): boolean {
  return error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted;
}

function isNobodyThere(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionRefused ||
    error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.TimedOut ||
    error instanceof Deno.errors.AddrNotAvailable ||
    error instanceof Deno.errors.NetworkUnreachable ||
    (error instanceof Error && /os error (101|110|113)\b/.test(error.message));
}
