/**
 * The admission of connections, whichever listener they come in at.
 *
 * @module
 */

import type { AcceptedStream } from "../system/net/unix_socket.ts";
import { WireError } from "../wire/errors.ts";

/** Conditions of an admission. */
interface AdmissionOptions {
  /** The server's user; `undefined` on a platform without user ids. */
  readonly uid: number | undefined;
  /** Connections at once at the most. */
  readonly maxConnections: number;
  /** Closes a connection that says nothing, if there is one, for a new one to take its place. */
  readonly makeRoom: () => boolean;
}

/** Decides who may connect, and counts who is connected. */
export class Admission {
  readonly #options: AdmissionOptions;
  #open = 0;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /**
   * Decides about a new connection.
   *
   * @returns the connection, which counts until it is closed, or why it is refused
   */
  admit(stream: AcceptedStream): AcceptedStream | WireError {
    const { uid, maxConnections, makeRoom } = this.#options;
    const peer = stream.peer?.uid;
    if (uid !== undefined && peer !== undefined && peer !== uid) {
      return new WireError(
        "notPermitted",
        `This server is of user ${uid}: not permitted for user ${peer}`,
      );
    }
    if (this.#open >= maxConnections && !makeRoom()) {
      return new WireError(
        "busy",
        `No more than ${maxConnections} clients can be connected at once`,
      );
    }
    return this.#counted(stream);
  }

  #counted(stream: AcceptedStream): AcceptedStream {
    this.#open++;
    let isOpen = true;
    return {
      ...stream,
      close: () => {
        if (isOpen) this.#open--;
        isOpen = false;
        stream.close();
      },
    };
  }
}
