/**
 * Processes: signals to them, who of them lives, and daemons.
 *
 * @module
 */

import { isSystemError, systemErrorNumber } from "../files/files.ts";
import type { ExitStatus } from "./group_process.ts";
import type { SignalName } from "./signals.ts";

/**
 * Sends a signal to all of a process group.
 *
 * @returns whether there was anybody to send it to
 * @throws {RangeError} for what is no id of a process
 */
export function killGroup(group: number, signal: SignalName): boolean {
  return sendSignal(-checkedId(group), signal);
}

/**
 * Sends a signal to a process.
 *
 * @returns whether there was such a process
 * @throws {RangeError} for what is no id of a process
 */
export function killProcess(pid: number, signal: SignalName): boolean {
  return sendSignal(checkedId(pid), signal);
}

/** To the kernel, 0 (as which Deno takes NaN) is the caller's own group, and -1 is everybody. */
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
 * Whether anything of a process group still runs. Processes that have ended and only wait to be
 * collected by their parent do not count, where the platform tells (Linux).
 */
export function groupAlive(group: number): boolean {
  if (Deno.build.os !== "linux") return signalReaches(-group);
  if (!signalReaches(-group)) return false;
  return runningProcesses().some((each) => each.group === group);
}

/**
 * The processes of a group that its leader has not started itself: the leader, and the descendants of
 * its children.
 *
 * @returns `undefined` on other platforms than Linux
 */
export function withoutChildren(group: number): number[] | undefined {
  if (Deno.build.os !== "linux") return undefined;
  return runningProcesses()
    .filter((each) => each.group === group && each.parent !== group)
    .map(({ pid }) => pid).toArray();
}

/**
 * The processes that a process has started itself and that have not ended.
 *
 * @returns `undefined` on other platforms than Linux
 */
export function childProcesses(parent: number): number[] | undefined {
  if (Deno.build.os !== "linux") return undefined;
  return runningProcesses().filter((each) => each.parent === parent).map(({ pid }) => pid)
    .toArray();
}

/** The processes that have not ended; each is looked at when it is asked for. Linux only. */
function* runningProcesses(): Generator<ProcessState & { readonly pid: number }, void> {
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const state = processState(Number(name));
    if (state !== undefined && !state.isEnded) yield { pid: Number(name), ...state };
  }
}

/** Whether a process runs; one of another user counts, one that only waits to be collected not. */
export function isProcessAlive(pid: number): boolean {
  if (!signalReaches(pid)) return false;
  return Deno.build.os !== "linux" || processState(pid)?.isEnded !== true;
}

/** Signal 0 tests without sending. EPERM says that there is somebody, of another user. */
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

/** The group of a process; `undefined` where there is none, or it has ended. Linux only. */
export function processGroup(pid: number): number | undefined {
  const state = processState(pid);
  return state === undefined || state.isEnded ? undefined : state.group;
}

/**
 * The environment that a process was started with.
 *
 * @returns `undefined` if there is no such process, if it is another user's, or on other platforms
 *   than Linux
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
 * The process that has been running for longest of those given.
 *
 * @returns `undefined` if none of them runs, or on other platforms than Linux
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
  readonly isEnded: boolean;
  /** Clock ticks since the machine's start. */
  readonly startedAt: number;
}

/** The place of the start time among the fields behind the name, by proc(5). */
const START_TIME = 19;

function processState(pid: number): ProcessState | undefined {
  let text: string;
  try {
    text = Deno.readTextFileSync(`/proc/${pid}/stat`);
  } catch (error) {
    // Between listing and looking a process can end: ENOENT before, ESRCH while it is read.
    if (error instanceof Deno.errors.NotFound || isNoSuchProcess(error)) return undefined;
    throw error;
  }
  // The name in brackets can hold anything, brackets and spaces too: what counts is behind it.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, parent, group] = fields;
  return {
    parent: Number(parent),
    group: Number(group),
    isEnded: state === "Z" || state === "X",
    startedAt: Number(fields[START_TIME]),
  };
}

/** ESRCH, for which Deno has neither a class nor a code. */
function isNoSuchProcess(error: unknown): boolean {
  return error instanceof Error && systemErrorNumber(error) === 3;
}

/** A server to be started. */
export interface DaemonOptions {
  /** The program and its arguments. */
  readonly command: readonly string[];
  /** The working directory, absolute. */
  readonly cwd: string;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** The file that its output is added to. */
  readonly logPath: string;
}

/** A daemon that was started; it does not keep its starter alive. */
export interface Daemon {
  readonly pid: number;
  /** Resolves when it has ended. Waiting for it does not keep the starter alive either. */
  readonly exit: Promise<ExitStatus>;
}

/**
 * The shell that starts a daemon: its stdin is empty, its output goes to the log, and the
 * descriptors that shells and make hand down are closed. It becomes the daemon itself.
 */
const DAEMON_SCRIPT =
  'log=$0; exec "$@" </dev/null >>"$log" 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-';

/** Starts a process in a session of its own that outlives this one. */
export function startDaemon(options: DaemonOptions): Daemon {
  // The shell would make it for others to read, too.
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
