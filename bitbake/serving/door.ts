/**
 * Accepts BitBake's own clients at `bitbake.lock` and `bitbake.sock` in the project's root.
 *
 * A client connects and sends the ends of three pipes, for events, commands and replies. It sends
 * nothing else over the connection until it disconnects.
 *
 * @module
 */

import type { Door } from "../../server/door.ts";
import { LockFile } from "../../lock/lock_file.ts";
import type { Channel } from "../../rpc/channel.ts";
import { joinPath } from "../../system/files/files.ts";
import { DescriptorPassing } from "../../system/net/descriptor_passing.ts";
import { processId } from "../../system/environment.ts";
import type { Logger } from "../../system/logger.ts";
import { PipeReader, PipeWriter } from "../../system/net/pipe_stream.ts";
import { type AcceptedStream, UnixListener } from "../../system/net/unix_socket.ts";
import { BitbakeSession } from "./session.ts";

/** The timeout in milliseconds for a client to send its pipes. */
const PATIENCE_MS = 10_000;
const PIPES = 3;

/** The options of {@linkcode BitbakeDoor.open}. */
export interface BitbakeDoorOptions {
  /** The project's root folder, absolute. */
  readonly root: string;
  readonly log: Logger;
}

/** The server's entry point for BitBake's clients. It runs a session for each client. */
export class BitbakeDoor implements Door {
  readonly name = "BitBake";
  readonly listener: UnixListener;
  readonly #options: BitbakeDoorOptions;
  readonly #lock: LockFile;
  readonly #passing: DescriptorPassing;
  readonly #sessions = new Set<BitbakeSession>();
  readonly #working = new Set<Promise<void>>();

  private constructor(
    options: BitbakeDoorOptions,
    lock: LockFile,
    listener: UnixListener,
    passing: DescriptorPassing,
  ) {
    this.#options = options;
    this.#lock = lock;
    this.listener = listener;
    this.#passing = passing;
  }

  /**
   * Acquires the lock and listens on the socket.
   *
   * @returns the reason as text, if another server holds the lock
   * @throws {Deno.errors.NotSupported} on other platforms than Linux
   */
  static async open(options: BitbakeDoorOptions): Promise<BitbakeDoor | string> {
    await using acquired = new AsyncDisposableStack();
    const passing = acquired.use(DescriptorPassing.open());
    const path = joinPath(options.root, "bitbake.lock");
    // BitBake's clients probe by briefly holding this lock exclusively. The retries outlast the
    // probe.
    const lock = await LockFile.acquire(path);
    if (lock === undefined) {
      return `cannot serve BitBake's clients: another server holds ${path}; 'bitbake -m' ends it`;
    }
    acquired.use(lock);
    lock.write({ pid: processId() });
    const listener = UnixListener.listen(joinPath(options.root, "bitbake.sock"));
    acquired.move();
    return new BitbakeDoor(options, lock, listener, passing);
  }

  enter(stream: AcceptedStream, connect: () => Channel): void {
    const { log } = this.#options;
    const work = this.#serve(stream, connect).catch((error: unknown) => {
      log.log("error", `A BitBake client failed: ${String(error)}`);
    }).finally(() => this.#working.delete(work));
    this.#working.add(work);
  }

  async close(): Promise<void> {
    for (const session of this.#sessions) session.close();
    await Promise.all(this.#working);
    this.#passing[Symbol.dispose]();
    this.#lock.release();
  }

  async #serve(stream: AcceptedStream, connect: () => Channel): Promise<void> {
    try {
      const received = stream.descriptor === undefined
        ? undefined
        : await this.#passing.receive(stream.descriptor, PATIENCE_MS);
      const [events, commands, replies, ...rest] = received?.descriptors ?? [];
      const isComplete = replies !== undefined && rest.length === 0;
      if (!isComplete || events === undefined || commands === undefined) {
        this.#passing.closeAll(received?.descriptors ?? []);
        this.#options.log.log("warn", `Dropping a BitBake client: it sent no ${PIPES} pipes`);
        return;
      }
      const session = new BitbakeSession({
        pipes: {
          commands: new PipeReader(commands),
          events: new PipeWriter(events),
          replies: new PipeWriter(replies),
        },
        connect,
        root: this.#options.root,
        pid: stream.peer?.pid ?? 1,
        log: this.#options.log,
      });
      this.#sessions.add(session);
      try {
        await session.serve();
      } finally {
        this.#sessions.delete(session);
      }
    } finally {
      stream.close();
    }
  }
}
