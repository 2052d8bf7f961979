/**
 * Terminal of a client whose command line runs in the server: its size, its keyboard, and the text
 * that restores its screen.
 *
 * @module
 */

import type { Keyboard } from "../client/invocation.ts";
import { FRAME } from "../forward/protocol.ts";
import type { TerminalSize } from "../system/process/group_process.ts";
import type { CommandSignals } from "./command_signals.ts";
import type { ExecuteConnection } from "./execute_connection.ts";

/** Columns of a terminal of unknown width. */
const UNKNOWN_COLUMNS = 80;

const encoder = new TextEncoder();

/** The terminal of one client. */
export class ClientTerminal {
  readonly #connection: ExecuteConnection;
  #columns = UNKNOWN_COLUMNS;
  #rows = 0;
  #isHungUp = false;
  #restoration: Uint8Array<ArrayBuffer> = new Uint8Array();
  /** Receives keys, while the client has been asked for them. */
  #typed: ((keys: Uint8Array) => void) | undefined;
  /** The keyboard, as a command uses it. */
  readonly keyboard: Keyboard;

  /** @param signals receives the signals that keys stand for */
  constructor(connection: ExecuteConnection, signals: CommandSignals) {
    this.#connection = connection;
    this.keyboard = {
      take: (listener) => {
        this.#typed = listener;
        return connection.send(FRAME.keyboard, encoder.encode("1"));
      },
      release: () => {
        this.#typed = undefined;
        return connection.send(FRAME.keyboard, encoder.encode("0"));
      },
      signal: (signal) => {
        if (signal !== "SIGTSTP") return signals.receive(signal);
        // The client sends the signal, and suspends itself.
        void connection.send(FRAME.suspend);
      },
    };
  }

  /** The number of characters in a line. */
  get columns(): number {
    return this.#columns;
  }

  /** The number of rows; 0 if it is unknown. */
  get rows(): number {
    return this.#rows;
  }

  /** True if the terminal was closed. */
  get isHungUp(): boolean {
    return this.#isHungUp;
  }

  /** Text that restores the client's screen; empty: none is needed. */
  get restoration(): Uint8Array<ArrayBuffer> {
    return this.#restoration;
  }

  /** Records a new size. A size of 0 is unknown. The last known size then stays. */
  resize({ columns, rows }: TerminalSize): void {
    this.#columns = columns || this.#columns;
    this.#rows = rows || this.#rows;
  }

  /** Passes keys on if the command has asked for them. */
  type(keys: Uint8Array): void {
    this.#typed?.(keys);
  }

  /** Records that the terminal was closed. */
  hangUp(): void {
    this.#isHungUp = true;
  }

  /**
   * Records the text that restores the screen, and sends it to the client.
   *
   * @param version version of the client, which gets no frame if it is empty: such a client may not
   *   know the frame
   */
  restoreBy(text: string, version: string): void {
    this.#restoration = encoder.encode(text);
    if (version !== "") void this.#connection.send(FRAME.restoration, this.#restoration);
  }
}
