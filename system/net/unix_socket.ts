/**
 * The Unix socket: a listener that takes away only what is its own, and connecting.
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
import { connectToOwn } from "./own_server.ts";
import { type AcceptedPeer, type PeerCredentials, PeerReader } from "./peer.ts";
import type { ByteStream } from "./streams.ts";
import { ASIDE_SUFFIX, MAX_LISTEN_PATH_BYTES } from "./unix_path.ts";

/** A connection that a listener accepted. */
export interface AcceptedStream extends ByteStream {
  /** Who is at the other end, as the kernel says; absent where the platform can't tell. */
  readonly peer?: PeerCredentials;
  /** The connection's descriptor, for those who receive descriptors on it; Linux alone. */
  readonly descriptor?: number;
  /** The other end's IP address; absent where the connection is no TCP one. */
  readonly remoteHost?: string;
}

/** What is where a socket belongs can't be replaced. */
export class InTheWayError extends Error {
  /** The class name, as `Error.prototype.name` has it. */
  override readonly name: string = "InTheWayError";

  /**
   * Makes the error.
   *
   * @param path where the socket belongs
   */
  constructor(path: string, options?: ErrorOptions) {
    super(`cannot listen at ${path}: it is a folder that is not empty; remove it`, options);
  }
}

/**
 * A listening Unix socket.
 *
 * It is bound under a name of its own and renamed into place, so that a socket that is seen is one
 * that listens, and a stale one is replaced without a gap. Whoever listens holds the lock of the
 * place: two listeners for one path are not told apart otherwise.
 */
export class UnixListener implements Disposable {
  /** Where it listens. */
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
   * Listens at a path; the socket file's mode is 0600.
   *
   * @throws {TypeError} where the path is longer than {@linkcode MAX_LISTEN_PATH_BYTES}
   * @throws {InTheWayError} where a folder is there that is not empty
   * @throws {Error} what the system says where the folder can't be written
   */
  static listen(path: string): UnixListener {
    const bytes = new TextEncoder().encode(path).length;
    if (bytes > MAX_LISTEN_PATH_BYTES) {
      throw new TypeError(
        `Cannot listen at ${path}: ${bytes} bytes are more than the ${MAX_LISTEN_PATH_BYTES} ` +
          "that a socket's path can have: use a shorter folder",
      );
    }
    const aside = `${path}${ASIDE_SUFFIX}`;
    removeIfPresent(aside);
    const listener = Deno.listen({ transport: "unix", path: aside });
    let peers: PeerReader | undefined;
    try {
      peers = PeerReader.open(aside);
      const identity = fileIdentity(aside);
      Deno.chmodSync(aside, 0o600);
      clearFolder(path);
      Deno.renameSync(aside, path);
      return new UnixListener(path, listener, peers, identity);
    } catch (error) {
      peers?.close();
      listener.close();
      throw error;
    }
  }

  /**
   * The next connection; `undefined` once the listener is closed.
   *
   * @throws {Error} what the system says if there are no descriptors left, or if it does not tell
   *   whose the connection is, which is closed then
   */
  async accept(): Promise<AcceptedStream | undefined> {
    const connection = await this.#next();
    if (connection === undefined) return undefined;
    try {
      return streamOf(connection, this.#peers.read());
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /**
   * Takes the socket's file away, if it still is the one that this listener made.
   *
   * @returns whether it was
   */
  unlink(): boolean {
    return isSameFile(fileIdentity(this.path), this.#identity) && removeIfPresent(this.path);
  }

  /** Stops listening; the file stays unless `unlink` was called. Safe to call twice. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#peers.close();
    // Closing unlinks the path that was bound; nothing is there any more, since it was renamed.
    this.#listener.close();
  }

  async #next(): Promise<Deno.UnixConn | undefined> {
    try {
      const connection = await this.#listener.accept();
      if (!this.#isClosed) return connection;
      connection.close();
      return undefined;
    } catch (error) {
      if (this.#isClosed && isClosedError(error)) return undefined;
      throw error;
    }
  }

  /** Takes the file away and closes. */
  [Symbol.dispose](): void {
    this.unlink();
    this.close();
  }
}

/** A folder can't be replaced as a file can; an empty one, as container engines make, is removed. */
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

/** A connection that can be closed twice. */
function streamOf(connection: Deno.UnixConn, peer?: AcceptedPeer): AcceptedStream {
  let isClosed = false;
  return {
    ...(peer === undefined ? {} : { peer: peer.credentials, descriptor: peer.descriptor }),
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

/** A listener's backlog is full: its process is stopped, or has no time to accept. */
export class BacklogError extends Error {
  /** The class name, as `Error.prototype.name` has it. */
  override readonly name = "BacklogError";
}

/**
 * Connects to a Unix socket of this user. Nothing is sent before the kernel has said that the
 * listening process belongs to this user.
 *
 * @returns `undefined` if there is no socket, or one whose listener is gone
 * @throws {ForeignServerError} if another user listens there
 * @throws {BacklogError} if the listener's backlog is full
 * @throws {Error} what the system says otherwise, such as `PermissionDenied`
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

/** A listener that closes resets those whom it has not accepted yet, as they connect. */
function isNobodyThere(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionRefused ||
    error instanceof Deno.errors.ConnectionReset;
}
