/**
 * Describes BitBake's commands for simmer's clients: which are asynchronous, which of simmer's have
 * no counterpart, and how arguments are converted.
 *
 * @module
 */

import { PyDict, type PyValue } from "../pickle/mod.ts";

/** Commands that the server answers immediately and whose end is reported by an event. */
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

/** simmer's commands that BitBake lacks, and the error text for each. */
export const WITHOUT_COUNTERPART: ReadonlyMap<string, string> = new Map([
  ["listTasks", "cannot list tasks: name a target"],
  ["planTasks", "cannot plan tasks: 'run TARGET' runs them"],
  ["watchInputs", "cannot watch files"],
]);

/**
 * Converts a parameter object to an argument list. A missing or empty object becomes an empty list.
 */
export function argumentsOf(params: unknown): readonly unknown[] {
  const isNothing = params === undefined || (isRecord(params) && Object.keys(params).length === 0);
  return isNothing ? [] : [params];
}

/** Converts a JSON value to a value that can be sent to BitBake's server. */
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
