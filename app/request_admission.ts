/**
 * Admission of an `execute` request: decides whether this server runs it. A refused client runs the
 * command line itself.
 *
 * @module
 */

import { FORWARDED, isForwardable } from "../forward/forwardable.ts";
import type { ExecuteRequest } from "../forward/protocol.ts";
import { ExecuteError, readExecute, type ReadRequest } from "../forward/requests.ts";
import { findProject, type Project } from "../project/root.ts";
import { processNamespaces } from "../system/environment.ts";
import { WireError } from "../wire/errors.ts";
import { VERSION } from "../wire/version.ts";

/**
 * Reads a request.
 *
 * @returns the reason, as text, if this server cannot read it
 */
export function readRequest(payload: Uint8Array): ReadRequest | string {
  try {
    return readExecute(payload);
  } catch (error) {
    if (!(error instanceof ExecuteError)) throw error;
    return error.message;
  }
}

/**
 * Checks a request.
 *
 * @param peerPid process id of the client, if the kernel can tell
 * @returns the reason, as text, if this server does not run such requests
 */
export function refusalOf(
  { version, pid, namespaces, args }: ExecuteRequest,
  peerPid: number | undefined,
): string | undefined {
  if (!isForwardable(args)) return `a server executes only ${FORWARDED.join(", ")}`;
  if (version !== "" && version !== VERSION) return `this server is simmer ${VERSION}`;
  // A client in another container has another process id and other mounts, and so other files.
  const isHere = (peerPid ?? pid) === pid && namespaces === (processNamespaces() ?? "");
  return isHere ? undefined : "this server runs in another container";
}

/** The project that a server serves. */
interface ServedProject {
  /** The project's root folder, absolute. */
  readonly root: string;
  /** The config file that the server was started with. */
  readonly config?: string;
}

/** Returns the project of a request, or the reason, as text, that this server does not serve it. */
export function projectOf(
  { cwd }: ExecuteRequest,
  { root, config }: ServedProject,
): Project | string {
  if (config !== undefined) return `this server was started with --config ${config}`;
  try {
    const project = findProject(cwd);
    return project?.root === root ? project : `this server serves ${root}`;
  } catch (error) {
    // The client finds the same error and reports it itself.
    if (error instanceof WireError) return error.message;
    throw error;
  }
}
