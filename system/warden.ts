/**
 * The warden: a small `sh` process that outlives a killed server just long enough to end what the
 * server's tasks left running.
 *
 * The server tells it each process group that begins and ends, and its mark, through a pipe. When
 * the pipe ends (the server is gone, however it went), the warden ends what is left, and itself. A
 * server that ends in good order has nothing left by then.
 *
 * @module
 */

import { WritePipe } from "./write_pipe.ts";

/**
 * Reads `+ PGID` and `- PGID` lines, and `# MARK` and `~ MARK` ones; at their end sends SIGTERM to
 * what is left and SIGKILL 5 s later: to the groups, and to those outside of them who carry a mark.
 * It ignores the signals that end its neighbours.
 *
 * `? FOLDER` says that a process without a mark is about to be started there, until a `+` or a `!`
 * follows. Where the end comes first, that process is looked for: the server's children have got
 * another parent by then, the one that the warden itself has got, and this one is not older than
 * two seconds.
 */
const SCRIPT = `
trap '' HUP INT TERM
if [ -n "$1" ]; then exec < "$1" || exit; fi
echo ready
groups=' '
marks=' '
without() {
  case $1 in
    *" $2 "*) rest="\${1%% $2 *} \${1#* $2 }" ;;
    *) rest=$1 ;;
  esac
}
is_number() {
  case $1 in '' | *[!0-9]*) false ;; *) [ "$1" -gt 1 ] ;; esac
}
while read -r sign what; do
  case $sign in
    [?]) expected=$what ;;
    '!') expected= ;;
    *) is_number "$what" || continue ;;
  esac
  case $sign in
    +) groups="$groups$what " expected= ;;
    -) without "$groups" "$what"; groups=$rest ;;
    [#]) marks="$marks$what " ;;
    [~]) without "$marks" "$what"; marks=$rest ;;
  esac
done
state() {
  read -r line 2>/dev/null < "/proc/$1/stat" && fields=\${line##*) }
}
if [ -n "$expected" ] && state $$; then
  until state $$ && set -- "$1" "$2" $fields && [ "$4" != "$2" ]; do sleep 0.01; done
  parent=$4
  read -r now rest < /proc/uptime
  oldest=$(((\${now%.*} - 2) * $(getconf CLK_TCK || echo 100)))
  for each in /proc/[0-9]*; do
    state "\${each#/proc/}" || continue
    set -- $fields
    [ "$2" = "$parent" ] && [ "\${20}" -ge "$oldest" ] || continue
    [ "$(readlink "$each/cwd")" = "$expected" ] && groups="$groups\${each#/proc/} "
  done
fi
find_strays() {
  strays=
  set -- $marks
  # No mark at all would fit everybody.
  [ "$#" -gt 0 ] || return
  any=$(IFS='|'; echo "$*")
  for each in $(grep -lE "^Max file locks +($any) " /proc/[0-9]*/limits 2>/dev/null); do
    each=\${each#/proc/}
    each=\${each%/limits}
    is_number "$each" && state "$each" || continue
    set -- $fields
    case $1 in [ZX]) continue ;; esac
    case $groups in *" $3 "*) continue ;; esac
    strays="$strays$each "
  done
}
alive() {
  find_strays
  left=' '
  for group in $groups; do
    kill -s 0 -- "-$group" 2>/dev/null || kill -s 0 "$group" 2>/dev/null || continue
    left="$left$group "
  done
  groups=$left
  [ "$groups$strays" != ' ' ]
}
alive || exit 0
end() {
  for stray in $strays; do kill -s "$1" "$stray" 2>/dev/null; done
  for group in $groups; do
    kill -s "$1" -- "-$group" 2>/dev/null || kill -s "$1" "$group" 2>/dev/null
  done
}
end TERM
tries=50
while alive && [ "$tries" -gt 0 ]; do
  sleep 0.1
  tries=$((tries - 1))
done
tries=10
while alive && [ "$tries" -gt 0 ]; do
  end KILL
  sleep 0.1
  tries=$((tries - 1))
done
`;

const encoder = new TextEncoder();

/**
 * Ends process groups when this process is gone.
 *
 * It starts when it is asked to be ready. `close` it when no group is left.
 */
export class Warden implements AsyncDisposable {
  readonly #shell: string;
  #guard: Guard | undefined;

  /** @param shell a POSIX shell */
  constructor(shell = "/bin/sh") {
    this.#shell = shell;
  }

  /** Process id of the warden; `undefined` before it has been asked to be ready and after `close`. */
  get pid(): number | undefined {
    return this.#guard?.pid;
  }

  /** Resolves when what it is told from now on counts, whatever becomes of this process. */
  ready(): Promise<void> {
    this.#guard ??= new Guard(this.#shell);
    return this.#guard.ready;
  }

  /**
   * Says that a process is about to be started: `watch` or `unexpected` follows.
   *
   * @param folder where it will be
   * @param mark the mark that it will carry; all who carry it are in the warden's care at once
   */
  expect(folder: string, mark?: string): void {
    if (mark !== undefined) this.#guard?.tell(`# ${mark}\n`);
    else if (!folder.includes("\n")) this.#guard?.tell(`? ${folder}\n`);
  }

  /** Says that there is no such process. */
  unexpected(mark?: string): void {
    if (mark === undefined) this.#guard?.tell("!\n");
    else this.forget(mark);
  }

  /**
   * Takes a process group into its care.
   *
   * @param group the group's id, that is its leader's process id
   */
  watch(group: number): void {
    this.#guard?.tell(`+ ${group}\n`);
  }

  /** Lets a process group go, and those who carry its mark, because nothing is left of them. */
  release(group: number, mark?: string): void {
    this.#guard?.tell(mark === undefined ? `- ${group}\n` : `- ${group}\n~ ${mark}\n`);
  }

  /** Lets those who carry a mark go, but for its process group; once for each mark. */
  forget(mark: string): void {
    this.#guard?.tell(`~ ${mark}\n`);
  }

  /** Ends the warden; safe to call twice. */
  async close(): Promise<void> {
    const guard = this.#guard;
    this.#guard = undefined;
    await guard?.close();
  }

  /** As `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** The warden's process. */
class Guard {
  readonly ready: Promise<void>;
  readonly #child: Deno.ChildProcess;
  /** Absent: its stdin is written instead, and a little later. */
  readonly #pipe = WritePipe.open();
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  #lastWrite: Promise<void> = Promise.resolve();

  constructor(shell: string) {
    this.#child = new Deno.Command(shell, {
      args: ["-c", SCRIPT, shell, this.#pipe?.path ?? "", String(Deno.pid)],
      detached: true,
      cwd: "/",
      clearEnv: true,
      env: { PATH: "/usr/bin:/bin" },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#stdin = this.#child.stdin.getWriter();
    this.ready = this.#hear();
    // Nobody reads any more: a full pipe would hold this process up for ever.
    this.#child.status.then(() => this.#pipe?.close());
  }

  get pid(): number {
    return this.#child.pid;
  }

  tell(line: string): void {
    if (this.#pipe !== undefined) this.#pipe.write(line);
    else this.#lastWrite = this.#lastWrite.then(() => this.#send(line));
  }

  async close(): Promise<void> {
    await this.ready;
    this.#child.ref();
    this.#pipe?.close();
    await this.#lastWrite;
    try {
      await this.#stdin.close();
    } catch (error) {
      if (!isGone(error)) throw error;
    }
    await this.#child.status;
  }

  /** A warden that ends at once has nothing to say: the tasks go on without its care. */
  async #hear(): Promise<void> {
    const reader = this.#child.stdout.getReader();
    await reader.read();
    await reader.cancel();
    this.#child.unref();
  }

  async #send(line: string): Promise<void> {
    try {
      await this.#stdin.write(encoder.encode(line));
    } catch (error) {
      // A warden that somebody killed: the tasks go on without its care.
      if (!isGone(error)) throw error;
    }
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.BrokenPipe || error instanceof TypeError;
}
