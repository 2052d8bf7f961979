/**
 * How long a server stays without a UI, as the command line and the environment say.
 *
 * @module
 */

import { UsageError } from "./arguments.ts";
import type { Invocation } from "./invocation.ts";

/** Seconds, where nobody says otherwise: three hours. */
export const DEFAULT_TIMEOUT_S = 3 * 60 * 60;

/** The option of the commands that start a server. */
export const TIMEOUT_OPTION = {
  name: "timeout",
  kind: "number",
  value: "seconds",
  min: -1,
  summary: "how long a server started here stays without a UI; -1: for ever; " +
    "default: SIMMER_SERVER_TIMEOUT, or 3 hours",
} as const;

/**
 * The timeout in seconds; -1: none.
 *
 * @throws {UsageError} where `SIMMER_SERVER_TIMEOUT` is not one
 */
export function serverTimeout(
  { env }: Pick<Invocation, "env">,
  { timeout }: { readonly timeout: number | undefined },
): number {
  if (timeout !== undefined) return timeout;
  const text = env.SIMMER_SERVER_TIMEOUT;
  if (text === undefined || text === "") return DEFAULT_TIMEOUT_S;
  if (/^(-1|\d{1,9})$/.test(text)) return Number(text);
  throw new UsageError(
    `invalid value '${text}' for 'SIMMER_SERVER_TIMEOUT': it is a whole number from -1`,
  );
}
