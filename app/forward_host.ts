/**
 * Host of `execute` connections. It runs the command lines of other processes inside the server's
 * process, with the same code that a client runs.
 *
 * @module
 */

import { drainWithin } from "../server/shutdown.ts";
import type { ExecuteHost } from "../server/execute_host.ts";
import { stackOf } from "../server/stack.ts";
import { FrameLengthError } from "../forward/protocol.ts";
import { ExecuteError } from "../forward/requests.ts";
import type { Channel } from "../rpc/channel.ts";
import type { AcceptedStream } from "../system/net/unix_socket.ts";
import { DescriptorReceiver } from "./descriptor_receiver.ts";
import { ForwardedCommand, type ForwardHostOptions } from "./forwarded_command.ts";

/** Limit of concurrent command lines. */
const MAX_COMMANDS = 256;

/** Runs command lines of other processes. */
export class ForwardHost implements ExecuteHost {
  readonly #options: ForwardHostOptions;
  readonly #receiver: DescriptorReceiver;
  readonly #commands = new Map<ForwardedCommand, Promise<void>>();

  constructor(options: ForwardHostOptions) {
    this.#options = options;
    this.#receiver = new DescriptorReceiver(options.clock);
  }

  get isBusy(): boolean {
    return this.#commands.size > 0;
  }

  enter(
    stream: AcceptedStream,
    first: Uint8Array<ArrayBuffer>,
    connect: () => Channel,
  ): void {
    const { log } = this.#options;
    if (this.#commands.size >= MAX_COMMANDS) {
      log.log("warn", `Dropping a command line: ${MAX_COMMANDS} are in progress`);
      return stream.close();
    }
    const command = new ForwardedCommand({
      ...this.#options,
      stream,
      first,
      connect,
      receiver: this.#receiver,
    });
    const serving = command.serve().catch((error: unknown) => {
      const isClients = error instanceof ExecuteError || error instanceof FrameLengthError;
      if (isClients) log.log("warn", `Dropping a command line: ${error.message}`);
      else log.log("error", `A command line failed: ${stackOf(error)}`);
    }).finally(() => {
      stream.close();
      this.#commands.delete(command);
    });
    this.#commands.set(command, serving);
  }

  /** Waits until clients have read their last output, up to the timeout of `drainWithin`. */
  async close(): Promise<void> {
    await drainWithin(this.#options.clock, Promise.all(this.#commands.values()));
    for (const command of this.#commands.keys()) command.leave();
    await Promise.all(this.#commands.values());
    await this.#receiver.close();
  }
}
