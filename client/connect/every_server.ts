/**
 * Runs an operation on all servers of the user, for the commands that take `--all`.
 *
 * @module
 */

import { cacheFolderOf, CachePlaceError } from "../../project/cache_place.ts";
import { type RegisteredServer, ServerRegistry } from "../../project/registry.ts";
import { statePaths } from "../../project/state.ts";
import { UsageError } from "../args/arguments.ts";
import { ClientError, EXIT, reportOf } from "../errors.ts";
import type { Invocation } from "../invocation.ts";
import type { ServerPlace } from "./find_server.ts";

/** The option that applies a command to every server of the user. */
export const ALL_OPTION = {
  name: "all",
  kind: "flag",
  summary: "all your servers on this machine",
} as const;

/** Creates the error for `--all` combined with `--server`. */
export function allOrServer(): UsageError {
  return new UsageError("'--all' cannot be used with '--server <address>'");
}

/** The results of an operation on all servers. */
interface EveryServer<T> {
  /** The results for the servers that run, sorted by their roots. */
  readonly results: readonly T[];
  /** The exit code of the first failure. Absent if the operation failed for no server. */
  readonly failure?: number;
}

/**
 * Runs an operation on all registered servers concurrently. Failures are reported on stderr.
 *
 * @param work returns `undefined` if no server runs; the server is then removed from the registry
 * @throws {ClientError} if the cache's folder, which contains the registry, belongs to another user
 */
export async function forEveryServer<T>(
  { env, output }: Invocation,
  work: (place: ServerPlace) => Promise<T | undefined>,
): Promise<EveryServer<T>> {
  const cache = cacheFolderOf(env);
  if (cache === undefined) return { results: [] };
  const registry = new ServerRegistry(cache);
  let failure: number | undefined;
  const results = await Promise.all(
    registered(registry).map(async (server) => {
      const { root, config } = server;
      const project = config === undefined ? { root } : { root, config };
      try {
        const result = await work({ project, paths: statePaths(root) });
        if (result === undefined) registry.remove(server);
        return result;
      } catch (error) {
        const report = reportOf(error);
        if (report === undefined) throw error;
        failure ??= report.exitCode;
        for (const line of report.lines) output.write("stderr", `simmer: ${root}: ${line}\n`);
        return undefined;
      }
    }),
  );
  const those = results.filter((result) => result !== undefined);
  return failure === undefined ? { results: those } : { results: those, failure };
}

function registered(registry: ServerRegistry): readonly RegisteredServer[] {
  try {
    return registry.list();
  } catch (error) {
    if (!(error instanceof CachePlaceError)) throw error;
    throw new ClientError(EXIT.refused, error.message);
  }
}
