/**
 * The warden: a small `sh` process that outlives a killed server just long enough to end what the
 * server's tasks left running.
 *
 * The server tells it each process group that begins and ends, through a pipe. When the pipe ends
 * (the server is gone, however it went), the warden ends what is left, and itself. A server that
 * ends in good order has nothing left by then.
 *
 * @module
 */

/**
 * Reads `+ PGID` and `- PGID` lines; at their end sends SIGTERM to what is left and SIGKILL 5 s
 * later. It ignores the signals that end its neighbours.
 */
const SCRIPT = `
trap '' HUP INT TERM
groups=' '
while read -r sign group; do
  case $sign in
    +) groups="$groups$group " ;;
    -) groups="\${groups%% $group *} \${groups#* $group }" ;;
  esac
done
alive() {
  left=' '
  for group in $groups; do
    kill -s 0 -- "-$group" 2>/dev/null || kill -s 0 "$group" 2>/dev/null || continue
    left="$left$group "
  done
  groups=$left
  [ "$groups" != ' ' ]
}
alive || exit 0
end() {
  kill -s "$1" -- "-$2" 2>/dev/null || kill -s "$1" "$2" 2>/dev/null
}
for group in $groups; do end TERM "$group"; done
tries=50
while alive && [ "$tries" -gt 0 ]; do
  sleep 0.1
  tries=$((tries - 1))
done
for group in $groups; do end KILL "$group"; done
`;

const encoder = new TextEncoder();

/**
 * Ends process groups when this process is gone.
 *
 * It starts with the first group. `close` it when no group is left.
 */
export class Warden implements AsyncDisposable {
  readonly #shell: string;
  #child: Deno.ChildProcess | undefined;
  #writer: WritableStreamDefaultWriter<Uint8Array> | undefined;
  #lastWrite: Promise<void> = Promise.resolve();

  /** @param shell a POSIX shell */
  constructor(shell = "/bin/sh") {
    this.#shell = shell;
  }

  /** Process id of the warden; `undefined` before the first group and after `close`. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /**
   * Takes a process group into its care.
   *
   * @param group the group's id, that is its leader's process id
   * @returns when the warden has been told
   */
  watch(group: number): Promise<void> {
    return this.#tell(`+ ${group}\n`);
  }

  /**
   * Lets a process group go, because nothing of it is left.
   *
   * @returns when the warden has been told
   */
  release(group: number): Promise<void> {
    return this.#tell(`- ${group}\n`);
  }

  /** Ends the warden; safe to call twice. */
  async close(): Promise<void> {
    const child = this.#child;
    const writer = this.#writer;
    if (child === undefined || writer === undefined) return;
    this.#child = undefined;
    this.#writer = undefined;
    await this.#lastWrite;
    try {
      await writer.close();
    } catch (error) {
      if (!isGone(error)) throw error;
    }
    child.ref();
    await child.status;
  }

  /** As `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #tell(line: string): Promise<void> {
    this.#lastWrite = this.#lastWrite.then(() => this.#write(line));
    return this.#lastWrite;
  }

  async #write(line: string): Promise<void> {
    try {
      await this.#started().write(encoder.encode(line));
    } catch (error) {
      // A warden that somebody killed: the tasks go on without its care.
      if (!isGone(error)) throw error;
    }
  }

  #started(): WritableStreamDefaultWriter<Uint8Array> {
    if (this.#writer !== undefined) return this.#writer;
    const child = new Deno.Command(this.#shell, {
      args: ["-c", SCRIPT],
      detached: true,
      cwd: "/",
      clearEnv: true,
      env: { PATH: "/usr/bin:/bin" },
      stdin: "piped",
      stdout: "null",
      stderr: "null",
    }).spawn();
    child.unref();
    this.#child = child;
    this.#writer = child.stdin.getWriter();
    return this.#writer;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.BrokenPipe || error instanceof TypeError;
}
