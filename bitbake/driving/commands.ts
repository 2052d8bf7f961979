/**
 * BitBake's commands as simmer's clients send them.
 *
 * @module
 */

import { PyDict, type PyValue } from "../pickle/mod.ts";

/** Commands that the server answers at once, and whose end is an event. */
export const ASYNCHRONOUS: ReadonlySet<string> = new Set([
  "buildFile",
  "buildTargets",
  "compareRevisions",
  "findConfigFilePath",
  "findConfigFiles",
  "findFilesMatchingInDir",
  "findSigInfo",
  "generateDepTreeEvent",
  "generateDotGraph",
  "generateTargetsTree",
  "getTaskSignatures",
  "parseFiles",
  "resetCooker",
  "showEnvironment",
  "showEnvironmentTarget",
  "showVersions",
  "testCookerCommandEvent",
  "triggerEvent",
]);

/** Commands of simmer's for which BitBake has none, and what to do instead. */
export const WITHOUT_COUNTERPART: ReadonlyMap<string, string> = new Map([
  ["listTasks", "cannot list tasks: name a target"],
  ["planTasks", "cannot plan tasks: 'run TARGET' runs them"],
  ["watchInputs", "cannot watch files"],
]);

/** The arguments that an object of parameters stands for: none, or itself. */
export function argumentsOf(params: unknown): readonly unknown[] {
  const isNothing = params === undefined || (isRecord(params) && Object.keys(params).length === 0);
  return isNothing ? [] : [params];
}

/** A JSON value as BitBake's server is sent it. */
export function valueOf(value: unknown): PyValue {
  if (Array.isArray(value)) return value.map(valueOf);
  if (isRecord(value)) {
    return new PyDict(Object.entries(value).map(([name, each]) => [name, valueOf(each)] as const));
  }
  return value as PyValue;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object";
}
