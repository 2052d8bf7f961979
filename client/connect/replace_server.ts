/**
 * Replaces a server that does not fit (R24), because it has another version, project or config.
 *
 * @module
 */

import type { ServerStatus } from "../../wire/commands.ts";
import { VERSION } from "../../wire/hello.ts";
import type { Project } from "../../project/root.ts";
import { openOperator, type OpenOptions, type ServerIdentity } from "./open_session.ts";
import { ClientError, EXIT, ServerEndedError } from "../errors.ts";
import { reachRunning, type ServerPlace } from "./find_server.ts";

/**
 * Ends a server that does not fit, if it is idle, and reports that. The next client that connects
 * starts a new one.
 *
 * @throws {ClientError} if the server is busy
 */
export async function replaceServer(
  place: ServerPlace,
  options: OpenOptions,
  identity: ServerIdentity,
): Promise<void> {
  const difference = differenceOf(place.project, identity);
  const dial = (): ReturnType<typeof reachRunning> => reachRunning(place, options.clock);
  const channel = await dial();
  if (channel === undefined) return;
  try {
    const { session } = await openOperator(channel, options, dial);
    await using _session = session;
    const status = await session.call("status") as ServerStatus;
    if (status.busyWith !== null) throw busyError(status, difference);
    options.say(`restarting the server (pid ${identity.pid}): ${difference}`);
    await session.call("terminateServer", { force: false });
    await session.ended;
  } catch (error) {
    // The server has ended by itself meanwhile. That is the intended result.
    if (!(error instanceof ServerEndedError)) throw error;
  }
}

function busyError(status: ServerStatus, difference: string): ClientError {
  const { pid, busyWith, clients } = status;
  // Servers before 0.3.0 have one controller, and report no list of builds.
  const [oldest] = status.builds as ServerStatus["builds"] | undefined ?? [];
  const holder = oldest?.client ?? clients.find((client) => client.role === "controller");
  const whom = holder === undefined ? "" : ` for '${holder.command}' (pid ${holder.pid})`;
  return new ClientError(
    EXIT.refused,
    `cannot use the server (pid ${pid}): ${difference}, and it is busy with ${busyWith}${whom}: ` +
      "retry when it is done, or stop the server with 'simmer stop --force'",
  );
}

function differenceOf(
  project: Project,
  { version, protocol, project: other }: ServerIdentity,
): string {
  if (version !== VERSION) return `it is simmer ${version}, this is ${VERSION}`;
  if (other.root !== project.root) return `it serves ${other.root}, not ${project.root}`;
  if (other.config !== project.config) {
    return `it uses ${other.config ?? "the nearest config file"}, ` +
      `not ${project.config ?? "the nearest config file"}`;
  }
  return `it speaks protocol ${protocol}`;
}
