/**
 * Starting a server, and waiting for one that starts or ends (R21, R22); loaded only then.
 *
 * Of all clients that find no server, the one that holds the file `starting` starts it. It does so
 * while it has the server's lock too, lets that go for the server, and keeps `starting` until the
 * server answers. Everybody watches the socket's folder and connects when the socket appears; who
 * gets `starting` after that has nothing left to start.
 *
 * @module
 */

import { LockFile } from "../lock/lock_file.ts";
import { ensureState } from "../project/state.ts";
import { baseName, joinPath, parentFolder } from "../system/files.ts";
import { FolderWatch } from "../system/folder_watch.ts";
import { type Daemon, type DaemonOptions, startDaemon } from "../system/processes.ts";
import { selfCommand } from "../system/self.ts";
import { Latch } from "../system/source.ts";
import type { ByteStream } from "../system/streams.ts";
import { fileSize, lastLines } from "../system/tail.ts";
import { ClientError, EXIT } from "./exit_code.ts";
import { currentSocket, dial, type ServerPlace, type StartOptions } from "./launcher.ts";

/** Milliseconds of silence. */
export const SILENT_MS = 5000;
/** Milliseconds until it is an error that no server answers. */
export const GIVE_UP_MS = 90_000;
/** Lines of its log that are shown of a server that ended as it started. */
const LOG_LINES = 60;
/** Servers that this client starts until it gives up. */
const MAX_STARTS = 3;
/** Milliseconds between two tries to connect where the system can't watch a folder. */
const POLL_MS = 100;

/** What the platform does for a start; tests bring their own. */
export interface StartPlatform {
  startDaemon(options: DaemonOptions): Daemon;
  watch(folder: string): FolderWatch | undefined;
  /** The words that run this program. */
  readonly command: readonly string[];
}

/**
 * Starts a server or waits for the one that is coming, and connects to it.
 *
 * @param lock the server's lock, where the caller has it; it is released
 * @throws {ClientError} where no server answers
 * @throws what the signal was aborted with
 */
export async function startServer(
  place: ServerPlace,
  options: StartOptions,
  lock: LockFile | undefined,
  platform: StartPlatform = {
    startDaemon,
    watch: (folder) => FolderWatch.open(folder),
    command: selfCommand(),
  },
): Promise<ByteStream> {
  ensureState(place.paths);
  const launch = new Launch(place, options, platform);
  try {
    return await launch.connected(lock);
  } finally {
    await launch.close();
  }
}

class Launch {
  readonly #place: ServerPlace;
  readonly #options: StartOptions;
  readonly #platform: StartPlatform;
  readonly #watch: FolderWatch | undefined;
  /** Woken whenever it may have become possible to connect. */
  readonly #chance = new Latch("chance");
  readonly #over = new AbortController();
  readonly #works: Promise<void>[] = [];
  #failure: { readonly error: unknown } | undefined;
  /** Where this start's part of the log begins. */
  #logFrom: number;

  constructor(place: ServerPlace, options: StartOptions, platform: StartPlatform) {
    this.#place = place;
    this.#options = options;
    this.#platform = platform;
    this.#watch = platform.watch(parentFolder(place.paths.socket));
    this.#logFrom = fileSize(place.paths.log);
  }

  async connected(lock: LockFile | undefined): Promise<ByteStream> {
    const { signal } = this.#options;
    const leave = (): void => this.#fail(signal?.reason);
    signal?.addEventListener("abort", leave);
    try {
      this.#own(this.#watchSocket());
      this.#own(this.#keepTime());
      this.#own(this.#provide(lock));
      while (true) {
        signal?.throwIfAborted();
        const stream = await dial(currentSocket(this.#place.paths));
        if (stream !== undefined) return stream;
        if (this.#failure !== undefined) throw this.#failure.error;
        await this.#chance.read();
      }
    } finally {
      signal?.removeEventListener("abort", leave);
    }
  }

  async close(): Promise<void> {
    this.#over.abort();
    this.#watch?.close();
    await Promise.all(this.#works);
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
    const name = baseName(this.#place.paths.socket);
    if (this.#watch === undefined) {
      while (!this.#over.signal.aborted) {
        await clock.sleep(POLL_MS, this.#over.signal);
        this.#chance.wake();
      }
      return;
    }
    for await (const changed of this.#watch) {
      if (changed === name || changed === "") this.#chance.wake();
    }
  }

  async #keepTime(): Promise<void> {
    const { clock, say } = this.#options;
    const { signal } = this.#over;
    await clock.sleep(SILENT_MS, signal);
    if (signal.aborted) return;
    const rest = (GIVE_UP_MS - SILENT_MS) / 1000;
    say(`no server answers for ${SILENT_MS / 1000} s; waiting up to ${rest} s more`);
    this.#chance.wake();
    await clock.sleep(GIVE_UP_MS - SILENT_MS, signal);
    if (signal.aborted) return;
    this.#fail(this.#noServer(`no server answered within ${GIVE_UP_MS / 1000} s`));
  }

  /** Waits until it is this client's turn to start a server, and starts it. */
  async #provide(held: LockFile | undefined): Promise<void> {
    const starting = joinPath(this.#place.paths.dir, "starting");
    const turn = held === undefined
      ? undefined
      : await LockFile.acquire(starting, { wait: "once" });
    // Waiting for the one lock while holding the other would be a deadlock.
    if (turn === undefined) held?.release();
    await using mine = turn ?? await this.#lock(starting);
    this.#chance.wake();
    let lock = turn === undefined ? await this.#lock(this.#place.paths.lock) : held;
    for (let count = 1; lock !== undefined && mine !== undefined; count++) {
      const daemon = this.#start();
      lock.release();
      const status = await this.#endOf(daemon);
      if (status === undefined) return;
      // 3: another server has the lock. So it is waited for, unless it goes as well.
      if (status.code !== EXIT.noServer || count === MAX_STARTS) {
        return this.#fail(
          this.#noServer(`the server ended as it started, with exit code ${status.code}`),
        );
      }
      this.#chance.wake();
      lock = await this.#lock(this.#place.paths.lock);
    }
  }

  #lock(path: string): Promise<LockFile | undefined> {
    const { clock } = this.#options;
    return LockFile.acquire(path, { wait: "forever", signal: this.#over.signal, clock });
  }

  #start(): Daemon {
    const { project: { root, config }, paths } = this.#place;
    const { env, timeoutSeconds } = this.#options;
    this.#logFrom = fileSize(paths.log);
    return this.#platform.startDaemon({
      command: [
        ...this.#platform.command,
        "serve",
        "--quiet",
        ...["--cwd", root],
        ...(config === undefined ? [] : ["--config", config]),
        `--timeout=${timeoutSeconds}`,
      ],
      cwd: root,
      env,
      logPath: paths.log,
    });
  }

  /** How a server ended; `undefined` where this launch is over first. */
  #endOf(daemon: Daemon): Promise<{ readonly code: number } | undefined> {
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
    const details = lines.length === 0 ? [`Its log ${log} has nothing of this start.`] : lines;
    return new ClientError(EXIT.noServer, `cannot reach a server: ${message}; its log:`, details);
  }
}
