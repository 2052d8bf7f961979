/**
 * Sends signals to processes, lists processes and their groups, and starts daemons. State is read
 * from `/proc` on Linux.
 *
 * @module
 */

import { isSystemError, systemErrorNumber } from "../files/files.ts";
import type { ExitStatus } from "./group_process.ts";
import type { SignalName } from "./signals.ts";

/**
 * Sends a signal to all processes of a group.
 *
 * @returns `false` if the group has no processes
 * @throws {RangeError} if `group` is not a valid process id
 */
export function killGroup(group: number, signal: SignalName): boolean {
  return sendSignal(-checkedId(group), signal);
}

/**
 * Sends a signal to a process.
 *
 * @returns `false` if the process does not exist
 * @throws {RangeError} if `pid` is not a valid process id
 */
export function killProcess(pid: number, signal: SignalName): boolean {
  return sendSignal(checkedId(pid), signal);
}

/**
 * Rejects ids that would signal the wrong processes. To the kernel, 0 is the caller's own group and
 * -1 is every process. Deno treats NaN as 0.
 */
function checkedId(id: number): number {
  if (Number.isInteger(id) && id > 1 && id < 2 ** 31) return id;
  throw new RangeError(`${id} is no id of a process that can be signalled`);
}

function sendSignal(target: number, signal: SignalName): boolean {
  try {
    Deno.kill(target, signal);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/**
 * Returns `true` if any process of a group still runs. On Linux, zombies do not count. Other
 * platforms do not report them.
 */
export function groupAlive(group: number): boolean {
  if (Deno.build.os !== "linux") return signalReaches(-group);
  if (!signalReaches(-group)) return false;
  return runningProcesses().some((each) => each.group === group);
}

/** A process of a group, and its parent. */
export interface GroupMember {
  readonly pid: number;
  readonly parent: number;
}

/**
 * Lists the running processes of a group with their parents.
 *
 * @returns `undefined` on platforms other than Linux
 */
export function groupMembers(group: number): readonly GroupMember[] | undefined {
  if (Deno.build.os !== "linux") return undefined;
  return runningProcesses().filter((each) => each.group === group)
    .map(({ pid, parent }) => ({ pid, parent })).toArray();
}

/** Returns true if no thread of a process runs: all are stopped or have ended. Linux only. */
export function isStopped(pid: number): boolean {
  return threadsAre(STOPPED, pid);
}

/** Returns true if all threads of a process wait for something, or have ended. Linux only. */
export function isWaiting(pid: number): boolean {
  return threadsAre(WAITING, pid);
}

/** States of threads that are stopped, also by a debugger, or have ended. */
const STOPPED: ReadonlySet<string> = new Set(["T", "t", "Z", "X"]);
/** States of threads that a signal could wake, or that have ended. */
const WAITING: ReadonlySet<string> = new Set(["S", "Z", "X"]);

function threadsAre(states: ReadonlySet<string>, pid: number): boolean {
  try {
    return Deno.readDirSync(`/proc/${pid}/task`).toArray().every(({ name }) => {
      const [state = ""] = statFields(procText(pid, `task/${name}/stat`) ?? ") X");
      return states.has(state);
    });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || isNoSuchProcess(error)) return true;
    throw error;
  }
}

/** Returns the words of a process's command line; an empty one if the process has ended. */
export function commandWords(pid: number): readonly string[] {
  // A process may have replaced its command line by a text that does not end with NUL.
  return (procText(pid, "cmdline") ?? "").replace(/\0$/, "").split("\0");
}

/** A process with its command line, whose words are separated by blanks. */
export interface NamedProcess {
  readonly pid: number;
  readonly command: string;
}

/**
 * Lists the running processes of a group.
 *
 * @returns `undefined` on platforms other than Linux
 */
export function groupProcesses(group: number): readonly NamedProcess[] | undefined {
  if (Deno.build.os !== "linux") return undefined;
  return runningProcesses().filter((each) => each.group === group).map(({ pid }) => {
    return { pid, command: commandWords(pid).join(" ").trim() };
  }).toArray();
}

/**
 * Lists the running children of a process.
 *
 * @returns `undefined` on platforms other than Linux
 */
export function childProcesses(parent: number): number[] | undefined {
  if (Deno.build.os !== "linux") return undefined;
  return runningProcesses().filter((each) => each.parent === parent).map(({ pid }) => pid)
    .toArray();
}

/**
 * Returns true if no shell could continue a process after it has stopped: no process of its group
 * has a parent in another group of the session. The kernel then ignores SIGTSTP, unless a process
 * handles it.
 *
 * @param pid default: this process
 * @returns false on platforms other than Linux, and if the process has ended
 */
export function isGroupOrphaned(pid: number = Deno.pid): boolean {
  if (Deno.build.os !== "linux") return false;
  const own = processState(pid);
  return own !== undefined && !runningProcesses().some(({ group, parent: id }) => {
    const parent = group === own.group ? processState(id) : undefined;
    return parent !== undefined && parent.session === own.session && parent.group !== own.group;
  });
}

/**
 * Lists the processes that have not ended. The state of each is read only when it is iterated.
 * Linux only.
 */
function* runningProcesses(): Generator<ProcessState & { readonly pid: number }, void> {
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const state = processState(Number(name));
    if (state !== undefined && !state.isEnded) yield { pid: Number(name), ...state };
  }
}

/**
 * Returns `true` if a process runs, even if it belongs to another user. On Linux, a zombie does not
 * count.
 */
export function isProcessAlive(pid: number): boolean {
  if (!signalReaches(pid)) return false;
  return Deno.build.os !== "linux" || processState(pid)?.isEnded !== true;
}

/**
 * Tests with signal 0, which is not delivered. EPERM means that the process exists and belongs to
 * another user.
 */
function signalReaches(target: number): boolean {
  try {
    Deno.kill(target, 0 as unknown as Deno.Signal);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    if (error instanceof Deno.errors.PermissionDenied) return true;
    throw error;
  }
}

/**
 * Returns the group of a process; `undefined` if the process does not exist or has ended. Linux
 * only.
 */
export function processGroup(pid: number): number | undefined {
  const state = processState(pid);
  return state === undefined || state.isEnded ? undefined : state.group;
}

/**
 * Reads the environment that a process was started with.
 *
 * @returns `undefined` if the process does not exist, if it belongs to another user, or on
 *   platforms other than Linux
 */
export function processEnvironment(pid: number): Record<string, string> | undefined {
  if (Deno.build.os !== "linux") return undefined;
  try {
    const text = new TextDecoder().decode(Deno.readFileSync(`/proc/${pid}/environ`));
    const pairs = text.split("\0").filter((each) => each.includes("="));
    return Object.fromEntries(pairs.map((each) => {
      const end = each.indexOf("=");
      return [each.slice(0, end), each.slice(end + 1)];
    }));
  } catch (error) {
    if (isSystemError(error)) return undefined;
    throw error;
  }
}

/**
 * Returns the process that has been running for longest among those given.
 *
 * @returns `undefined` if none of them runs, or on platforms other than Linux
 */
export function oldestProcess(pids: readonly number[]): number | undefined {
  let oldest: { readonly pid: number; readonly startedAt: number } | undefined;
  for (const pid of pids) {
    const state = processState(pid);
    if (state === undefined || state.isEnded) continue;
    const { startedAt } = state;
    const isOlder = oldest === undefined || startedAt < oldest.startedAt ||
      (startedAt === oldest.startedAt && pid < oldest.pid);
    if (isOlder) oldest = { pid, startedAt };
  }
  return oldest?.pid;
}

interface ProcessState {
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  readonly isEnded: boolean;
  /** Clock ticks since the machine was booted. */
  readonly startedAt: number;
}

/** The index of the start time among the fields after the name, see proc(5). */
const START_TIME = 19;

/** Returns the fields after the name in a text of `/proc/PID/stat`. */
function statFields(stat: string): readonly string[] {
  // The name in brackets can contain brackets and spaces, so start after the last bracket.
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

function processState(pid: number): ProcessState | undefined {
  const text = procText(pid, "stat");
  if (text === undefined) return undefined;
  const fields = statFields(text);
  const [state, parent, group, session] = fields;
  return {
    parent: Number(parent),
    group: Number(group),
    session: Number(session),
    isEnded: state === "Z" || state === "X",
    startedAt: Number(fields[START_TIME]),
  };
}

/** Reads a file of a process. Returns `undefined` if the process does not exist. */
function procText(pid: number, name: string): string | undefined {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/${name}`);
  } catch (error) {
    // The process can end between listing and reading. Opening the file then fails with ENOENT, and
    // reading it with ESRCH.
    if (error instanceof Deno.errors.NotFound || isNoSuchProcess(error)) return undefined;
    throw error;
  }
}

/** Detects ESRCH, for which Deno has neither a class nor a code. */
function isNoSuchProcess(error: unknown): boolean {
  return error instanceof Error && systemErrorNumber(error) === 3;
}

/** The command and the surroundings of a server to start. */
export interface DaemonOptions {
  /** The program and its arguments. */
  readonly command: readonly string[];
  /** The absolute path of the working directory. */
  readonly cwd: string;
  /** The complete environment. */
  readonly env: Readonly<Record<string, string>>;
  /** The file that the server's output is appended to. */
  readonly logPath: string;
}

/** A started daemon. It does not keep the process that started it alive. */
export interface Daemon {
  readonly pid: number;
  /**
   * Resolves when the daemon has ended. Awaiting this does not keep the starting process alive
   * either.
   */
  readonly exit: Promise<ExitStatus>;
}

/**
 * The shell script that starts a daemon. It sets an empty stdin, sends the output to the log, and
 * closes the descriptors that shells and make pass on. The shell then replaces itself with the
 * daemon.
 */
const DAEMON_SCRIPT =
  'log=$0; exec "$@" </dev/null >>"$log" 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-';

/** Starts a process in its own session. It outlives this process. */
export function startDaemon(options: DaemonOptions): Daemon {
  // Create the log with mode 0600 first. The shell would make it readable for other users.
  Deno.openSync(options.logPath, { create: true, append: true, mode: 0o600 }).close();
  const child = new Deno.Command("/bin/sh", {
    args: ["-c", DAEMON_SCRIPT, options.logPath, ...options.command],
    cwd: options.cwd,
    clearEnv: true,
    env: { ...options.env },
    detached: true,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  child.unref();
  return {
    pid: child.pid,
    exit: child.status.then(({ code, signal }) => signal === null ? { code } : { code, signal }),
  };
}
