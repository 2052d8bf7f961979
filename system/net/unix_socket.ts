/**
 * Listens at Unix sockets and connects to them. A listener removes only a socket file that it has
 * created itself.
 *
 * @module
 */

import {
  type FileIdentity,
  fileIdentity,
  isAbsent,
  isSameFile,
  removeIfPresent,
} from "../files/files.ts";
import { acceptNext, streamOf } from "./connections.ts";
import { connectToOwn } from "./own_server.ts";
import { type PeerCredentials, PeerReader } from "./peer.ts";
import type { ByteStream } from "./streams.ts";
import { MAX_LISTEN_PATH_BYTES, NEW_SUFFIX } from "./unix_path.ts";

/** A connection that a listener accepted. */
export interface AcceptedStream extends ByteStream {
  /** The peer's credentials from the kernel; absent if the platform does not report them. */
  readonly peer?: PeerCredentials;
  /** The connection's descriptor, for receiving descriptors on it. Linux only. */
  readonly descriptor?: number;
  /** The IP address of the other end; absent if the connection does not use TCP. */
  readonly remoteHost?: string;
}

/** A folder at the socket's path cannot be removed. */
export class InTheWayError extends Error {
  /** The class name, for `Error.prototype.toString`. */
  override readonly name: string = "InTheWayError";

  /**
   * Creates the error.
   *
   * @param path the socket's path
   */
  constructor(path: string, options?: ErrorOptions) {
    super(`cannot listen at ${path}: it is a folder that is not empty; remove it`, options);
  }
}

/**
 * A listening Unix socket.
 *
 * The socket is bound under a temporary name and renamed into place. A socket file that a client
 * sees therefore always listens, and a stale one is replaced without a gap. The caller must hold
 * the lock for this path, because a second listener would replace the socket of the first.
 */
export class UnixListener implements Disposable {
  /** The socket's path. */
  readonly path: string;
  readonly #listener: Deno.UnixListener;
  readonly #identity: FileIdentity | undefined;
  readonly #peers: PeerReader;
  #isClosed = false;

  private constructor(
    path: string,
    listener: Deno.UnixListener,
    peers: PeerReader,
    identity: FileIdentity | undefined,
  ) {
    this.path = path;
    this.#listener = listener;
    this.#peers = peers;
    this.#identity = identity;
  }

  /**
   * Listens at a path. The socket file has mode 0600.
   *
   * @throws {TypeError} if the path is longer than {@linkcode MAX_LISTEN_PATH_BYTES}
   * @throws {InTheWayError} if the path is a folder that cannot be removed, such as one that is not
   *   empty
   * @throws {Error} the system's error if the folder that holds the socket is not writable
   */
  static listen(path: string): UnixListener {
    const bytes = new TextEncoder().encode(path).length;
    if (bytes > MAX_LISTEN_PATH_BYTES) {
      throw new TypeError(
        `Cannot listen at ${path}: ${bytes} bytes are more than the ${MAX_LISTEN_PATH_BYTES} ` +
          "that a socket's path can have: use a shorter folder",
      );
    }
    const temporary = `${path}${NEW_SUFFIX}`;
    removeIfPresent(temporary);
    const listener = Deno.listen({ transport: "unix", path: temporary });
    let peers: PeerReader | undefined;
    try {
      peers = PeerReader.open(temporary);
      const identity = fileIdentity(temporary);
      Deno.chmodSync(temporary, 0o600);
      clearFolder(path);
      Deno.renameSync(temporary, path);
      return new UnixListener(path, listener, peers, identity);
    } catch (error) {
      peers?.close();
      listener.close();
      throw error;
    }
  }

  /**
   * Accepts the next connection. Returns `undefined` once the listener is closed.
   *
   * @throws {Error} if descriptors are used up, or if the system does not report the peer; the
   *   connection is closed then
   */
  async accept(): Promise<AcceptedStream | undefined> {
    const connection = await acceptNext(this.#listener, () => this.#isClosed);
    if (connection === undefined) return undefined;
    try {
      const peer = this.#peers.read();
      const stream = streamOf(connection);
      if (peer === undefined) return stream;
      return { ...stream, peer: peer.credentials, descriptor: peer.descriptor };
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /**
   * Removes the socket file, if it still is the one that this listener created.
   *
   * @returns `true` if the file was removed
   */
  unlink(): boolean {
    return isSameFile(fileIdentity(this.path), this.#identity) && removeIfPresent(this.path);
  }

  /** Stops listening. The socket file stays unless `unlink` was called. Safe to call twice. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#peers.close();
    // Deno unlinks the bound path on close. That path no longer exists, because it was renamed.
    this.#listener.close();
  }

  /** Removes the socket file and closes the listener. */
  [Symbol.dispose](): void {
    this.unlink();
    this.close();
  }
}

/**
 * Removes an empty folder at the socket's path, which container engines create. A rename cannot
 * replace a folder.
 */
function clearFolder(path: string): void {
  try {
    if (!Deno.lstatSync(path).isDirectory) return;
    Deno.removeSync(path);
  } catch (error) {
    if (isAbsent(error)) return;
    if (!(error instanceof Error)) throw error;
    throw new InTheWayError(path, { cause: error });
  }
}

/** The listener's backlog is full: its process is stopped, or is too busy to accept. */
export class BacklogError extends Error {
  /** The class name, for `Error.prototype.toString`. */
  override readonly name = "BacklogError";
}

/**
 * Connects to a Unix socket of this user. Nothing is sent before the check that the listening
 * process belongs to this user.
 *
 * @returns `undefined` if there is no socket, or if no process listens at it
 * @throws {ForeignServerError} if another user's process listens there
 * @throws {BacklogError} if the listener's backlog is full
 * @throws {Error} the system's error in all other cases, such as `PermissionDenied`
 */
export async function connectUnix(path: string): Promise<ByteStream | undefined> {
  try {
    return streamOf(await connectToOwn(path));
  } catch (error) {
    if (isAbsent(error) || isNobodyThere(error)) return undefined;
    if (!(error instanceof Deno.errors.WouldBlock)) throw error;
    throw new BacklogError(`the backlog of ${path} is full`, { cause: error });
  }
}

/**
 * Returns `true` if no process listens. A listener that is closing resets the connections that it
 * has not accepted yet, so a reset counts as well.
 */
function isNobodyThere(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionRefused ||
    error instanceof Deno.errors.ConnectionReset;
}
