/**
 * Starts a server, or waits for one that starts or ends (R21, R22). Other commands do not load this
 * file.
 *
 * Several clients may find no server at the same time. The one that gets the lock starts it. It
 * holds the lock until the server creates the file `starting`, which says that the server is ready
 * to take the lock. The other clients find the lock held, watch the folder, and connect when the
 * lock file names the socket. Another client may get the lock after its release and before the
 * server takes it. That client finds `starting` and releases the lock again.
 *
 * @module
 */

import { LockFile } from "../../lock/lock_file.ts";
import { ensureState } from "../../project/state.ts";
import type { Channel } from "../../rpc/channel.ts";
import { baseName, readTextIfPresent, removeIfPresent } from "../../system/files/files.ts";
import { FolderWatch } from "../../system/files/folder_watch.ts";
import type { ExitStatus } from "../../system/process/group_process.ts";
import {
  type Daemon,
  type DaemonOptions,
  isProcessAlive,
  startDaemon,
} from "../../system/process/processes.ts";
import { selfCommand } from "../../system/process/self.ts";
import { Latch } from "../../system/source.ts";
import { BacklogError } from "../../system/net/unix_socket.ts";
import { fileSize } from "../../system/files/file_size.ts";
import { lastLines } from "../../system/files/tail.ts";
import { ClientError, EXIT } from "../errors.ts";
import { GIVE_UP_MS, Patience } from "./patience.ts";
import { dialServer, type ServerPlace, type StartOptions } from "./find_server.ts";

/** The number of log lines that are shown of a server that ended as it started. */
const LOG_LINES = 60;
/** The maximum number of servers that this client starts before it gives up. */
const MAX_STARTS = 3;
/** Milliseconds that other clients leave the lock to a server that has created `starting`. */
const HANDOVER_MS = 10_000;
/** Milliseconds between two polls if the system cannot watch a folder. */
const POLL_MS = 100;

/** The platform's functions for a start. Tests replace them. */
export interface StartPlatform {
  startDaemon(options: DaemonOptions): Daemon;
  watch(folders: readonly string[]): FolderWatch | undefined;
}

/**
 * Starts a server or waits for a starting one, and connects to it.
 *
 * @throws {ClientError} if no server answers
 * @throws the signal's reason if it was aborted
 */
export async function startServer(
  place: ServerPlace,
  options: StartOptions,
  platform: StartPlatform = {
    startDaemon,
    watch: (folders) => FolderWatch.open(folders),
  },
): Promise<Channel> {
  ensureState(place.paths);
  const start = new ServerStart(place, options, platform);
  try {
    return await start.connected();
  } finally {
    await start.close();
  }
}

class ServerStart {
  readonly #place: ServerPlace;
  readonly #options: StartOptions;
  readonly #platform: StartPlatform;
  readonly #watch: FolderWatch | undefined;
  /** Woken when a connection may have become possible. */
  readonly #chance = new Latch("chance");
  /** Woken when the started server may be ready to take the lock. */
  readonly #starting = new Latch("starting");
  readonly #over = new AbortController();
  readonly #works: Promise<void>[] = [];
  #failure: { readonly error: unknown } | undefined;
  /** The offset in the log at which the output of this start begins. */
  #logFrom: number;

  constructor(place: ServerPlace, options: StartOptions, platform: StartPlatform) {
    this.#place = place;
    this.#options = options;
    this.#platform = platform;
    this.#watch = platform.watch([place.paths.dir]);
    this.#logFrom = fileSize(place.paths.log) ?? 0;
  }

  async connected(): Promise<Channel> {
    const { signal } = this.#options;
    const leave = (): void => this.#fail(signal?.reason);
    signal?.addEventListener("abort", leave);
    try {
      this.#own(this.#watchSocket());
      this.#own(this.#keepTime());
      this.#own(this.#provide());
      while (true) {
        signal?.throwIfAborted();
        const channel = await this.#connect();
        if (channel !== undefined) return channel;
        if (this.#failure !== undefined) throw this.#failure.error;
        await this.#chance.read();
      }
    } finally {
      signal?.removeEventListener("abort", leave);
    }
  }

  async close(): Promise<void> {
    this.#over.abort();
    this.#starting.wake();
    this.#watch?.close();
    await Promise.all(this.#works);
  }

  /**
   * Connects as `dialServer` does. Retries soon if the backlog is full, as no event reports free
   * room.
   */
  async #connect(): Promise<Channel | undefined> {
    try {
      return await dialServer(this.#place.paths);
    } catch (error) {
      if (!(error instanceof BacklogError)) throw error;
      const { clock } = this.#options;
      this.#own(clock.sleep(POLL_MS, this.#over.signal).then(() => this.#chance.wake()));
      return undefined;
    }
  }

  #own(work: Promise<void>): void {
    this.#works.push(work.catch((error: unknown) => {
      if (!this.#over.signal.aborted) this.#fail(error);
    }));
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#chance.wake();
  }

  async #watchSocket(): Promise<void> {
    const { clock } = this.#options;
    const { paths } = this.#place;
    // A listening server names its socket in the lock file. A server of an older version creates a
    // socket.
    const files = [paths.lock, paths.oldSocket, paths.starting];
    const names = [...files.map(baseName), ""];
    if (this.#watch === undefined) {
      while (!this.#over.signal.aborted) {
        await clock.sleep(POLL_MS, this.#over.signal);
        this.#wake();
      }
      return;
    }
    for await (const changed of this.#watch) {
      if (names.includes(changed)) this.#wake();
    }
  }

  #wake(): void {
    this.#chance.wake();
    this.#starting.wake();
  }

  async #keepTime(): Promise<void> {
    const { clock, patience = new Patience(this.#options) } = this.#options;
    const { signal } = this.#over;
    await patience.mention(signal);
    if (signal.aborted) return;
    this.#chance.wake();
    await clock.sleep(patience.restMs, signal);
    if (signal.aborted) return;
    this.#fail(this.#noServer(`no server answered within ${GIVE_UP_MS / 1000} s`));
  }

  /** Waits for this client's turn to start a server, and starts it. */
  async #provide(): Promise<void> {
    for (let count = 1;; count++) {
      const lock = await this.#lock();
      if (lock === undefined) return;
      const daemon = this.#start();
      const status = await this.#handOver(lock, daemon);
      if (status === undefined) return;
      // Exit code 3: another server has the lock. Waits for it, and retries if it ends too.
      if (status.code !== EXIT.noServer || count === MAX_STARTS) {
        return this.#fail(
          this.#noServer(`the server exited during its start, with exit code ${status.code}`),
        );
      }
      this.#chance.wake();
    }
  }

  /**
   * Releases the lock when the server is ready to take it.
   *
   * @returns the server's exit status, or `undefined` if this start ends first
   */
  async #handOver(lock: LockFile, daemon: Daemon): Promise<ExitStatus | undefined> {
    using _lock = { [Symbol.dispose]: () => lock.close() };
    let status: ExitStatus | undefined;
    const end = this.#endOf(daemon).then((ended) => {
      status = ended;
      this.#starting.wake();
    });
    while (status === undefined && !this.#over.signal.aborted && !this.#isStarting()) {
      await this.#starting.read();
    }
    lock.close();
    await end;
    return status;
  }

  /** Returns true if a server is ready to take the lock. */
  #isStarting(): boolean {
    const pid = Number.parseInt(readTextIfPresent(this.#place.paths.starting) ?? "");
    return Number.isSafeInteger(pid) && isProcessAlive(pid);
  }

  /** Acquires the lock when no server is ready to take it. */
  async #lock(): Promise<LockFile | undefined> {
    const { clock } = this.#options;
    const { lock: path } = this.#place.paths;
    const { signal } = this.#over;
    const patience = clock.monotonic() + HANDOVER_MS;
    while (true) {
      const lock = await LockFile.acquire(path, { wait: "forever", signal, clock });
      if (!this.#isStarting() || clock.monotonic() > patience) return lock;
      lock?.close();
      await clock.sleep(POLL_MS, signal);
    }
  }

  #start(): Daemon {
    const { project: { root, config }, paths } = this.#place;
    const { env, timeoutSeconds, maxRssBytes, maxServers } = this.#options;
    const { xmlrpc, bitbake = false, single = false } = this.#options;
    const { program = selfCommand() } = this.#options;
    // Removes the file of a server that was killed as it started. Otherwise it would be taken for
    // the new server's.
    removeIfPresent(paths.starting);
    this.#logFrom = fileSize(paths.log) ?? 0;
    return this.#platform.startDaemon({
      command: [
        ...program,
        "serve",
        "--lock-from-client",
        ...["--cwd", root],
        ...(config === undefined ? [] : ["--config", config]),
        `--timeout=${timeoutSeconds}`,
        `--max-rss=${maxRssBytes}`,
        `--max-servers=${maxServers === 0 ? "none" : maxServers}`,
        ...(xmlrpc === undefined ? [] : [`--xmlrpc=${xmlrpc}`]),
        ...(bitbake ? ["--bitbake"] : []),
        ...(single ? ["--single"] : []),
      ],
      cwd: root,
      env,
      logPath: paths.log,
    });
  }

  /** Resolves with the server's exit status, or with `undefined` if this start ends first. */
  #endOf(daemon: Daemon): Promise<ExitStatus | undefined> {
    const { signal } = this.#over;
    return new Promise((resolve, reject) => {
      daemon.exit.then(resolve, reject);
      if (signal.aborted) resolve(undefined);
      else signal.addEventListener("abort", () => resolve(undefined), { once: true });
    });
  }

  #noServer(message: string): ClientError {
    const { log } = this.#place.paths;
    const lines = lastLines(log, LOG_LINES, this.#logFrom);
    const details = lines.length === 0 ? [`Its log ${log} has no lines of this start.`] : lines;
    return new ClientError(EXIT.noServer, `cannot reach a server: ${message}; its log:`, details);
  }
}
