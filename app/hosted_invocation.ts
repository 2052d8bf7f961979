/**
 * Invocation of a command line that runs in a server for the process of a client.
 *
 * @module
 */

import type { Invocation } from "../client/invocation.ts";

/**
 * Parts of an invocation that differ between a command line of this process and one of another
 * process.
 */
export type HostedInvocation = Pick<
  Invocation,
  | "env"
  | "cwd"
  | "project"
  | "pid"
  | "passed"
  | "startedAt"
  | "terminal"
  | "keyboard"
  | "output"
  | "onSignal"
  | "onGone"
  | "suspend"
  | "exit"
  | "connect"
>;

/** Runs a command line. Reports errors, and resolves with the exit code. */
export type RunCommand = (args: readonly string[], hosted: HostedInvocation) => Promise<number>;
