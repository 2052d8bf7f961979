/**
 * Handshake: the first exchange on a connection, with the client's identity, project and role.
 *
 * @module
 */

import type { ClientInfo } from "./events.ts";

export { VERSION } from "./version.ts";

/** Protocol number; client and server must have the same. */
export const PROTOCOL = 2;

/**
 * Role of a UI.
 *
 * - `controller`: may do everything. By the policy `single`, there is one at a time, and further
 *   ones wait their turn.
 * - `observer`: may only read
 * - `operator`: may read, and end the build or the server; never waits
 */
export type Role = "controller" | "observer" | "operator";

/**
 * Behaviour of a UI that wants to be a controller while another UI is, or while a build is in
 * progress. By the policy `many`, `wait` never waits.
 */
export type WhenBusy = "wait" | "refuse" | "observe";

/** Features that a UI can ask for beyond the defaults. */
export const FEATURES = ["queueCommands", "housekeeping"] as const;

/**
 * Feature that a UI can ask for.
 *
 * - `queueCommands`: an asynchronous command waits for the one in progress instead of being refused
 *   as `busy`
 * - `housekeeping`: the UI is another server of the user and does not count as a client for
 *   `retireServer`
 */
export type Feature = typeof FEATURES[number];

/** Identity of the project that a server serves. */
export interface ProjectIdentity {
  /** Root folder of the project, absolute, with symlinks resolved. */
  readonly root: string;
  /** Config file, absolute; absent if it is found in the root. */
  readonly config?: string;
}

/** Parameters of `hello`, the first request of a connection. */
export interface HelloParams {
  /** Protocol number of the client. */
  readonly protocol: number;
  /** simmer's version. */
  readonly version: string;
  /** Role that the UI asks for. */
  readonly role: Role;
  /** Behaviour while another UI is the controller; default: `wait`. */
  readonly whenBusy?: WhenBusy;
  /** Features that the UI asks for. */
  readonly features?: readonly Feature[];
  /** Builds whose events the UI receives; default: `all`. */
  readonly builds?: "own" | "all";
  /** Process and command line of the client. */
  readonly client: ClientInfo;
  /** Project that the client expects; absent: any project that the server serves. */
  readonly project?: ProjectIdentity;
  /**
   * Kernel names of the client's process and mount namespaces, if tasks must run in them. Absent if
   * tasks may run in the server's namespaces.
   */
  readonly namespaces?: string;
}

/** The UI that controls the server, as reported to a waiting UI. */
export interface Holder extends ClientInfo {
  /** Name of the command in progress. */
  readonly busyWith?: string;
}

/** Place of a waiting UI in the queue. */
export interface QueuePlace {
  /** Position in the queue; 1 is the next to be served. */
  readonly position: number;
  /** The UI that controls the server now. */
  readonly holder: Holder;
}

/** Response to `hello`. */
export interface HelloResult {
  /** Protocol number of the server. */
  readonly protocol: number;
  /** simmer's version. */
  readonly version: string;
  /** Process id of the server. */
  readonly pid: number;
  /** Number of the UI, unique in the life of the server. */
  readonly handler: number;
  /** Current role of the UI; `waiting` until it becomes the controller. */
  readonly role: Role | "waiting";
  /** Features that are on for the UI. */
  readonly features: readonly Feature[];
  /** Project that the server serves. */
  readonly project: ProjectIdentity;
  /** Place in the queue; present for a `waiting` UI. */
  readonly queue?: QueuePlace;
}

/**
 * Names of the server's notifications to a UI.
 *
 * - `event` carries a {@link SimmerEvent}
 * - `queue` carries a {@link QueuePlace} each time that a waiting UI moves up
 * - `role` carries the new role of a UI that has become the controller
 */
export const NOTIFICATIONS = ["event", "queue", "role"] as const;
