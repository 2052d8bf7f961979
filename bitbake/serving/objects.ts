/**
 * Creates the events for BitBake's clients: instances of the classes that their event handlers
 * know, with the attributes that they need.
 *
 * @module
 */

import { PyFloat, PyObject, PyTuple, type PyValue } from "../pickle/mod.ts";

/** The log levels of BitBake's clients. */
export const LEVELS = { debug: 10, note: 20, plain: 21, warning: 30, error: 40 } as const;

/** The numbers of a build's tasks by state. */
export interface BuildStats {
  readonly total: number;
  readonly completed: number;
  readonly active: number;
  readonly failed: number;
}

/** The task data that events for a client contain. */
export interface ToldTask {
  /** The task's package, as a client displays it. */
  readonly package: string;
  readonly name: string;
  /** The config file that defines the task, or a placeholder for it. */
  readonly file: string;
  /** A number that distinguishes the task from other running tasks. */
  readonly pid: number;
}

/** Creates a log record. */
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
    // Python's formatter fails without this attribute, and the client then drops the record without
    // a message.
    stack_info: null,
  });
}

function levelName(level: number): string {
  if (level >= LEVELS.error) return "ERROR";
  if (level >= LEVELS.warning) return "WARNING";
  return level >= LEVELS.plain ? "PLAIN" : "NOTE";
}

/** Creates the event for a task that the run queue has started. */
export function queueTaskStarted(task: ToldTask, stats: BuildStats): PyObject {
  return PyObject.of("bb.runqueue", "runQueueTaskStarted", {
    ...queueAttributes(task),
    stats: statsObject(stats),
    noexec: false,
  });
}

/** Creates the event for the start of a task's command. */
export function taskStarted(task: ToldTask, logFile: string): PyObject {
  return taskEvent("TaskStarted", task, "Started", { logfile: logFile });
}

/** Creates the event for the success of a task's command. */
export function taskSucceeded(task: ToldTask): PyObject {
  return taskEvent("TaskSucceeded", task, "Succeeded", {});
}

/**
 * Creates the events for the failure of a task's command: the task's own, and that of the run
 * queue.
 */
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

/** Creates the event for a target that no task provides. */
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

/**
 * Creates the last event of an action that was executed. Failures of its tasks have been reported
 * by earlier events.
 */
export function commandCompleted(): PyObject {
  return PyObject.of("bb.command", "CommandCompleted", { pid: 0 });
}

/** Creates the last event of an action that could not be executed. */
export function commandFailed(error: string): PyObject {
  return PyObject.of("bb.command", "CommandFailed", { pid: 0, error, exitcode: 1 });
}

/** Creates the event that reports that the run queue waits for running tasks. */
export function queueExitWait(): PyObject {
  return PyObject.of("bb.runqueue", "runQueueExitWait", { pid: 0, remain: 0, remain_tasks: [] });
}

/** Creates the event that reports the end of the server. */
export function cookerExit(): PyObject {
  return PyObject.of("bb.cooker", "CookerExit", { pid: 0 });
}

/** Creates the event that reports that work continues. */
export function heartbeat(): PyObject {
  return PyObject.of("bb.event", "HeartbeatEvent", { pid: 0, time: new PyFloat(0) });
}

/** Creates the events of a completed parse. simmer's tasks are presented as parsed files. */
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
