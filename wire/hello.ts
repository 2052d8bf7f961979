/**
 * The first exchange on a connection: who is there, for which project, and in which role.
 *
 * @module
 */

import type { ClientInfo } from "./events.ts";

export { VERSION } from "./version.ts";

/** The number of the protocol; both ends must have the same. */
export const PROTOCOL = 1;

/**
 * What a UI may do.
 *
 * - `controller`: everything; there is one at a time, further ones wait their turn
 * - `observer`: only look
 * - `operator`: look, and end the build or the server; never waits
 */
export type Role = "controller" | "observer" | "operator";

/** What a UI that wants to be the controller does while another one is. */
export type WhenBusy = "wait" | "refuse" | "observe";

/** What a UI can ask for beyond the defaults. */
export const FEATURES = ["queueCommands"] as const;

/**
 * - `queueCommands`: an asynchronous command sent while one is in progress waits for it, rather
 *   than being answered `busy`
 */
export type Feature = typeof FEATURES[number];

/** Which project a server serves. */
export interface ProjectIdentity {
  /** The project's root folder, absolute, with links resolved. */
  readonly root: string;
  /** The config file, absolute; absent: found in the root. */
  readonly config?: string;
}

/** Parameters of `hello`, the first request of a connection. */
export interface HelloParams {
  /** The number of the protocol. */
  readonly protocol: number;
  /** simmer's version. */
  readonly version: string;
  /** What the UI wants to be. */
  readonly role: Role;
  /** Default: `wait`. */
  readonly whenBusy?: WhenBusy;
  /** What it asks for beyond the defaults. */
  readonly features?: readonly Feature[];
  /** Who it is. */
  readonly client: ClientInfo;
  /** The project that the client means; absent: whichever the server serves. */
  readonly project?: ProjectIdentity;
  /**
   * What the kernel calls the namespaces of the client's processes and mounts, where tasks are to
   * run in them; absent: wherever the server runs them.
   */
  readonly namespaces?: string;
}

/** Who holds the server, as a waiting UI is told. */
export interface Holder extends ClientInfo {
  /** The command in progress. */
  readonly busyWith?: string;
}

/** A UI's place in the queue. */
export interface QueuePlace {
  /** From 1: the next to be served. */
  readonly position: number;
  /** Who holds the server. */
  readonly holder: Holder;
}

/** The answer to `hello`. */
export interface HelloResult {
  /** The number of the protocol. */
  readonly protocol: number;
  /** simmer's version. */
  readonly version: string;
  /** The server's process id. */
  readonly pid: number;
  /** The UI's number, unique in this server's life. */
  readonly handler: number;
  /** The role that the UI has now; `waiting` until it becomes the controller. */
  readonly role: Role | "waiting";
  /** What it asks for beyond the defaults. */
  readonly features: readonly Feature[];
  /** The project that the server serves. */
  readonly project: ProjectIdentity;
  /** Where a `waiting` UI stands. */
  readonly queue?: QueuePlace;
}

/**
 * Notifications from the server to a UI, beside responses: `event` carries a {@link SimmerEvent},
 * `queue` a {@link QueuePlace} each time that a waiting UI moves up, and `role` the new role of a
 * UI that has become the controller.
 */
export const NOTIFICATIONS = ["event", "queue", "role"] as const;
