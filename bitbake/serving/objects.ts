/**
 * What is sent to BitBake's clients: the classes that their event handlers know, with the
 * attributes that they need.
 *
 * @module
 */

import { PyFloat, PyObject, PyTuple, type PyValue } from "../pickle/mod.ts";

/** Log levels as BitBake's clients have them. */
export const LEVELS = { debug: 10, note: 20, plain: 21, warning: 30, error: 40 } as const;

/** How many tasks of a build are where. */
export interface BuildStats {
  readonly total: number;
  readonly completed: number;
  readonly active: number;
  readonly failed: number;
}

/** A task as clients are told of it. */
export interface ToldTask {
  /** What it belongs to, as a client shows it. */
  readonly package: string;
  readonly name: string;
  /** The config file that defines it, or a stand-in for it. */
  readonly file: string;
  /** Tells it from the other tasks that run. */
  readonly pid: number;
}

/** A line of the log. */
export function logRecord(level: number, text: string): PyObject {
  return PyObject.of("logging", "LogRecord", {
    // The logger that clients have a handler for.
    name: "BitBake",
    msg: text,
    args: new PyTuple(),
    levelno: level,
    levelname: levelName(level),
    taskpid: 0,
    created: new PyFloat(0),
    exc_info: null,
    exc_text: null,
    // Python's formatter fails without it, and the client then drops the record in silence.
    stack_info: null,
  });
}

function levelName(level: number): string {
  if (level >= LEVELS.error) return "ERROR";
  if (level >= LEVELS.warning) return "WARNING";
  return level >= LEVELS.plain ? "PLAIN" : "NOTE";
}

/** A task is taken up by the queue. */
export function queueTaskStarted(task: ToldTask, stats: BuildStats): PyObject {
  return PyObject.of("bb.runqueue", "runQueueTaskStarted", {
    ...queueAttributes(task),
    stats: statsObject(stats),
    noexec: false,
  });
}

/** A task's command begins. */
export function taskStarted(task: ToldTask, logFile: string): PyObject {
  return taskEvent("TaskStarted", task, "Started", { logfile: logFile });
}

/** A task's command has succeeded. */
export function taskSucceeded(task: ToldTask): PyObject {
  return taskEvent("TaskSucceeded", task, "Succeeded", {});
}

/** A task's command has failed; the queue says so too. */
export function taskFailed(
  task: ToldTask,
  stats: BuildStats,
  exitCode: number,
  logFile: string,
): PyObject[] {
  return [
    taskEvent("TaskFailed", task, "Failed", { logfile: logFile, errprinted: true }),
    PyObject.of("bb.runqueue", "runQueueTaskFailed", {
      ...queueAttributes(task),
      stats: statsObject(stats),
      exitcode: exitCode,
      fakeroot_log: "",
    }),
  ];
}

/** Nobody has what was asked for. */
export function noProvider(item: string, nearest: string | undefined): PyObject {
  return PyObject.of("bb.event", "NoProvider", {
    pid: 0,
    _item: item,
    _runtime: false,
    _dependees: null,
    _reasons: [],
    _close_matches: nearest === undefined ? [] : [nearest],
  });
}

/** The last event of an action that was carried out. */
export function commandCompleted(): PyObject {
  return PyObject.of("bb.command", "CommandCompleted", { pid: 0 });
}

/** The last event of an action that could not be carried out. */
export function commandFailed(error: string): PyObject {
  return PyObject.of("bb.command", "CommandFailed", { pid: 0, error, exitcode: 1 });
}

/** The queue waits for what still runs. */
export function queueExitWait(): PyObject {
  return PyObject.of("bb.runqueue", "runQueueExitWait", { pid: 0, remain: 0, remain_tasks: [] });
}

/** The server ends. */
export function cookerExit(): PyObject {
  return PyObject.of("bb.cooker", "CookerExit", { pid: 0 });
}

/** Work goes on. */
export function heartbeat(): PyObject {
  return PyObject.of("bb.event", "HeartbeatEvent", { pid: 0, time: new PyFloat(0) });
}

/** What has been read, in the words of a parser. */
export function parsed(total: number): PyObject[] {
  const counts = { cached: 0, parsed: total, skipped: 0, masked: 0, virtuals: 0, errors: 0 };
  return [
    PyObject.of("bb.event", "ParseStarted", { pid: 0, msg: "", total }),
    PyObject.of("bb.event", "ParseProgress", { pid: 0, msg: "", current: total, total }),
    PyObject.of("bb.event", "ParseCompleted", {
      pid: 0,
      msg: "",
      current: total,
      total,
      sofar: total,
      ...counts,
    }),
  ];
}

function taskEvent(
  name: string,
  task: ToldTask,
  what: string,
  more: Readonly<Record<string, PyValue>>,
): PyObject {
  return PyObject.of("bb.build", name, {
    _fn: task.file,
    _task: task.name,
    _package: task.package,
    _mc: "",
    _message: `${task.package} ${task.name}: ${what}`,
    pid: task.pid,
    taskfile: task.file,
    taskname: task.name,
    taskflags: "",
    pn: task.package,
    time: new PyFloat(0),
    ...more,
  });
}

function queueAttributes(task: ToldTask): Record<string, PyValue> {
  const id = `${task.file}:${task.name}`;
  return {
    pid: 0,
    taskid: id,
    taskstring: id,
    taskname: task.name,
    taskfile: task.file,
    taskhash: "",
  };
}

function statsObject({ total, completed, active, failed }: BuildStats): PyObject {
  return PyObject.of("bb.runqueue", "RunQueueStats", {
    total,
    completed,
    active,
    failed,
    skipped: 0,
    setscene_total: 0,
    setscene_active: 0,
    setscene_covered: 0,
    setscene_notcovered: 0,
  });
}
