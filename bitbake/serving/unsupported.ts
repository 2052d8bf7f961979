/**
 * Refuses actions with options of BitBake's command line that simmer lacks. Running the tasks
 * without such an option would be a different build from the one that the client requested.
 *
 * @module
 */

import { WireError } from "../../wire/errors.ts";
import type { PyValue } from "../pickle/mod.ts";
import type { Configuration } from "./configuration.ts";

/** An option that is refused. */
interface Refusal {
  /** The key in `updateConfig`'s options. */
  readonly key: string;
  /** The option as typed. */
  readonly option: string;
  /** The reason for the refusal, or an alternative. */
  readonly reason: string;
}

const NO_SETSCENE = "simmer has no setscene tasks, it takes results from its cache by itself";
const NO_SIGNATURES = "simmer has no signature handlers; 'simmer why TASK' explains a cache miss";
const NO_CONFIG_FILES = "simmer reads no BitBake configuration files";

const REFUSALS: readonly Refusal[] = [
  { key: "dump_signatures", option: "-S", reason: NO_SIGNATURES },
  { key: "setsceneonly", option: "--setscene-only", reason: NO_SETSCENE },
  { key: "runall", option: "--runall", reason: "name each task as a target, or use -c" },
  { key: "runonly", option: "--runonly", reason: "a task always runs with its dependencies" },
  {
    key: "invalidate_stamp",
    option: "-C",
    reason: "simmer has no stamps; -f runs tasks although their results are cached",
  },
  { key: "prefile", option: "-r", reason: `${NO_CONFIG_FILES} (BBPRECONF sets it too)` },
  { key: "postfile", option: "-R", reason: `${NO_CONFIG_FILES} (BBPOSTCONF sets it too)` },
  {
    key: "writeeventlog",
    option: "-w",
    reason: "'simmer run --json TASK' prints the events of a build (BBEVENTLOG sets it too)",
  },
  {
    key: "extra_assume_provided",
    option: "-I",
    reason: "a task always runs with its dependencies",
  },
  { key: "profile", option: "-P", reason: "simmer's server has no profiler of Python code" },
];

/**
 * Actions that are options on BitBake's command line, and the reasons for which they are refused.
 */
const REFUSED_ACTIONS: ReadonlyMap<string, string> = new Map([
  ["buildFile", "-b is not supported: simmer has no recipe files, name a task instead"],
  [
    "compareRevisions",
    "--revisions-changed is not supported: simmer has no recipes with upstream revisions",
  ],
]);

/**
 * Checks an action and the options that its client has set.
 *
 * @param action the action's name
 * @param first the action's first argument
 * @throws {WireError} `invalidParams`, if the action or an option is unsupported; the message names
 *   the option
 */
export function refuseUnsupported(
  action: string,
  first: PyValue,
  configuration: Configuration,
): void {
  // `bitbake -e -b FILE` is `showEnvironment` with the file.
  const asked = action === "showEnvironment" && first !== null ? "buildFile" : action;
  const message = REFUSED_ACTIONS.get(asked);
  if (message !== undefined) throw new WireError("invalidParams", message);
  const refusal = REFUSALS.find(({ key }) => configuration.isGiven(key));
  if (refusal === undefined) return;
  const { option, reason } = refusal;
  throw new WireError("invalidParams", `${option} is not supported: ${reason}`);
}
