/**
 * Limits of a server's idle time and memory, and of the number of servers, read from the command line and the environment.
 *
 * @module
 */

import { parseSize, SIZE_FORM, sizeText } from "../../system/size.ts";
import { UsageError } from "./arguments.ts";
import type { Invocation } from "../invocation.ts";

/** The default timeout in seconds: three hours. */
export const DEFAULT_TIMEOUT_S = 3 * 60 * 60;

/** The default memory limit: bytes of resident memory. */
export const DEFAULT_MAX_RSS = 2 * 1024 ** 3;

/** The default limit of the user's servers. */
export const DEFAULT_MAX_SERVERS = 16;

/**
 * The smallest memory limit that is accepted, in bytes. A server that has done nothing yet uses
 * less.
 */
const LEAST_MAX_RSS = 32 * 1024 ** 2;

/** The options of the commands that start a server. */
export const LIMIT_OPTIONS = [
  {
    name: "timeout",
    kind: "number",
    value: "seconds",
    min: -1,
    summary: "idle timeout of a new server; -1: none; " +
      "default: SIMMER_SERVER_TIMEOUT, or 3 hours",
  },
  {
    name: "max-rss",
    kind: "text",
    value: "size",
    summary: "memory limit of a new server, which exits above it when idle; none: no limit; " +
      "default: SIMMER_MAX_RSS, or 2G",
  },
  {
    name: "max-servers",
    kind: "text",
    value: "count",
    summary:
      "limit of all your servers, beyond which idle ones exit, the least recently used first; " +
      "none: no limit; default: SIMMER_MAX_SERVERS, or 16",
  },
] as const;

/** The limits of a server's lifetime. */
export interface ServerLimits {
  /** Seconds that the server stays without a UI; -1: no limit. */
  readonly timeoutSeconds: number;
  /** Bytes of resident memory above which the server exits once it is idle; 0: no limit. */
  readonly maxRssBytes: number;
  /** Number of the user's servers above which idle ones exit; 0: no limit. */
  readonly maxServers: number;
}

/**
 * Determines the limits of a server to be started.
 *
 * @throws {UsageError} if an option or a variable has an invalid value
 */
export function serverLimits(
  { env }: Pick<Invocation, "env">,
  { timeout, "max-rss": maxRss, "max-servers": maxServers }: {
    readonly timeout: number | undefined;
    readonly "max-rss": string | undefined;
    readonly "max-servers": string | undefined;
  },
): ServerLimits {
  return {
    timeoutSeconds: timeout ?? timeoutOf(env.SIMMER_SERVER_TIMEOUT),
    maxRssBytes: maxRss === undefined
      ? maxRssOf(env.SIMMER_MAX_RSS || `${DEFAULT_MAX_RSS}`, "SIMMER_MAX_RSS")
      : maxRssOf(maxRss, "--max-rss <size>"),
    maxServers: maxServers === undefined
      ? maxServersOf(env.SIMMER_MAX_SERVERS || `${DEFAULT_MAX_SERVERS}`, "SIMMER_MAX_SERVERS")
      : maxServersOf(maxServers, "--max-servers <count>"),
  };
}

function timeoutOf(text: string | undefined): number {
  if (text === undefined || text === "") return DEFAULT_TIMEOUT_S;
  if (/^(-1|\d{1,9})$/.test(text)) return Number(text);
  throw new UsageError(
    `invalid value '${text}' for 'SIMMER_SERVER_TIMEOUT': expected a whole number of at least -1`,
  );
}

function maxRssOf(text: string, where: string): number {
  const bytes = text === "none" ? 0 : parseSize(text);
  if (bytes === 0 || bytes !== undefined && bytes >= LEAST_MAX_RSS) return bytes;
  throw new UsageError(
    `invalid value '${text}' for '${where}': expected ${SIZE_FORM}, at least ${
      sizeText(LEAST_MAX_RSS)
    }; ` +
      "or 'none'",
  );
}

function maxServersOf(text: string, where: string): number {
  if (text === "none") return 0;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new UsageError(
    `invalid value '${text}' for '${where}': expected a whole number of at least 1, or 'none'`,
  );
}
