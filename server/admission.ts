/**
 * Admission of connections, for all listeners of a server: checks the user, and limits the number
 * of open connections.
 *
 * @module
 */

import type { AcceptedStream } from "../system/net/unix_socket.ts";
import { WireError } from "../wire/errors.ts";

/** Conditions of an admission. */
interface AdmissionOptions {
  /** User id of the server; `undefined` on a platform without user ids. */
  readonly uid: number | undefined;
  /** Limit of open connections. */
  readonly maxConnections: number;
  /**
   * Closes a connection that has not said hello, to free a place. Returns false if there is none.
   */
  readonly makeRoom: () => boolean;
}

/** Decides which connections are admitted, and counts the open ones. */
export class Admission {
  readonly #options: AdmissionOptions;
  #open = 0;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /**
   * Decides about a new connection.
   *
   * @returns the connection, which counts until it is closed, or the reason for the refusal
   */
  admit(stream: AcceptedStream): AcceptedStream | WireError {
    const { uid, maxConnections, makeRoom } = this.#options;
    const peer = stream.peer?.uid;
    if (uid !== undefined && peer !== undefined && peer !== uid) {
      return new WireError(
        "notPermitted",
        `This server belongs to user ${uid}: user ${peer} is not permitted to use it`,
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
