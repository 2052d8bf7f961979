/**
 * Handshake of a connection: checks the parameters of `hello`, and that client and server have the
 * same version, project and container.
 *
 * @module
 */

import * as v from "valibot";
import { redact } from "../wire/redact.ts";
import { WireError } from "../wire/errors.ts";
import {
  FEATURES,
  type HelloParams,
  type ProjectIdentity,
  PROTOCOL,
  VERSION,
} from "../wire/hello.ts";
import { checkParams } from "./params.ts";

const versions = v.object({ protocol: v.number(), version: v.string() });

const helloParams = v.object({
  protocol: v.number(),
  version: v.string(),
  role: v.picklist(["controller", "observer", "operator"]),
  whenBusy: v.exactOptional(v.picklist(["wait", "refuse", "observe"])),
  features: v.exactOptional(v.array(v.picklist(FEATURES))),
  builds: v.exactOptional(v.picklist(["own", "all"])),
  // Other clients and journals see the command line, so secrets are redacted.
  client: v.object({ pid: v.number(), command: v.pipe(v.string(), v.transform(redact)) }),
  project: v.exactOptional(v.object({ root: v.string(), config: v.exactOptional(v.string()) })),
  namespaces: v.exactOptional(v.string()),
});

/** Data of the server for a client that it refuses. */
export interface ServerIdentity {
  readonly protocol: number;
  readonly version: string;
  readonly pid: number;
  readonly project: ProjectIdentity;
}

/** Returns the identity of a server of this version. */
export function serverIdentity(pid: number, project: ProjectIdentity): ServerIdentity {
  return { protocol: PROTOCOL, version: VERSION, pid, project };
}

/**
 * Parses the parameters of `hello`, and checks that client and server match.
 *
 * @param namespaces the server's namespaces; `undefined` on a platform without them
 * @throws {WireError} `versionMismatch`, `wrongProject`, `otherContainer` (all with the server's
 *   identity as data) or `invalidParams`
 */
export function readHello(
  params: unknown,
  identity: ServerIdentity,
  namespaces: string | undefined,
): HelloParams {
  // The version is checked first: another version may have different parameters.
  const { protocol, version } = checkParams("hello", versions, params);
  if (protocol !== identity.protocol || version !== identity.version) {
    throw new WireError(
      "versionMismatch",
      `This server is simmer ${identity.version} (protocol ${identity.protocol}), ` +
        `the client is ${version} (protocol ${protocol})`,
      identity,
    );
  }
  const hello = checkParams("hello", helloParams, params);
  if (hello.project !== undefined && !isSameProject(hello.project, identity.project)) {
    throw new WireError(
      "wrongProject",
      `This server serves ${nameOf(identity.project)}, not ${nameOf(hello.project)}`,
      identity,
    );
  }
  if (hello.namespaces !== undefined && hello.namespaces !== namespaces) {
    throw new WireError(
      "otherContainer",
      `The server of ${nameOf(identity.project)} runs in another container (pid ` +
        `${identity.pid} there): it would run the tasks there; 'simmer run --no-server' runs them here`,
      identity,
    );
  }
  return hello;
}

function isSameProject(a: ProjectIdentity, b: ProjectIdentity): boolean {
  return a.root === b.root && a.config === b.config;
}

function nameOf({ root, config }: ProjectIdentity): string {
  return config ?? root;
}
