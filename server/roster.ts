/**
 * The connected UIs of a server and their roles: controllers, a queue of UIs that wait for that
 * role, observers and operators. The server's policy decides about the number of controllers.
 *
 * @module
 */

import type { ClientInfo } from "../wire/events.ts";
import type { Holder, QueuePlace, Role, WhenBusy } from "../wire/hello.ts";
import type { CommandPolicy } from "./policy.ts";
import type { UI } from "./ui.ts";

/** Role that a UI gets at its hello, or its refusal. */
type Admission = Role | "waiting" | "refused";

/** The command that a waiting or refused UI is told about. */
interface Busy {
  /** Name of the command in progress. */
  readonly busyWith: string | undefined;
  /** Client of the command in progress. */
  readonly client: ClientInfo | undefined;
}

/** The UIs of a server. */
export class Roster {
  readonly #policy: CommandPolicy;
  readonly #uis = new Set<UI>();
  readonly #queue: UI[] = [];
  readonly #controllers = new Set<UI>();

  constructor(policy: CommandPolicy) {
    this.#policy = policy;
  }

  /** Number of UIs of all roles. */
  get size(): number {
    return this.#uis.size;
  }

  /** All UIs, in the order of their arrival. */
  get all(): readonly UI[] {
    return [...this.#uis];
  }

  /** True if a UI is connected that may change the state of the server. */
  get hasController(): boolean {
    return this.#controllers.size > 0;
  }

  /** Returns the role that a new UI would get. */
  admission(
    role: Role,
    whenBusy: WhenBusy,
    use: { readonly isBusy: boolean; readonly isAwaited: boolean },
  ): Admission {
    if (role !== "controller") return role;
    return this.#policy.admit(whenBusy, { hasController: this.hasController, ...use });
  }

  /** Adds a UI with its role. */
  add(ui: UI): void {
    this.#uis.add(ui);
    if (ui.role === "controller") this.#controllers.add(ui);
    if (ui.role === "waiting") this.#queue.push(ui);
  }

  /**
   * Removes a UI.
   *
   * @returns the waiting UI that has become a controller, if any
   */
  remove(ui: UI): UI | undefined {
    this.#uis.delete(ui);
    const place = this.#queue.indexOf(ui);
    if (place >= 0) this.#queue.splice(place, 1);
    this.#controllers.delete(ui);
    if (this.hasController) return undefined;
    const next = this.#queue.shift();
    if (next === undefined) return undefined;
    next.role = "controller";
    this.#controllers.add(next);
    return next;
  }

  /** Returns the waiting UIs with their places in the queue. */
  places(busy: Busy): [UI, QueuePlace][] {
    return this.#queue.map((ui, index) => [ui, {
      position: index + 1,
      holder: this.holder(busy),
    }]);
  }

  /** Returns the place of one waiting UI. */
  place(ui: UI, busy: Busy): QueuePlace {
    return { position: this.#queue.indexOf(ui) + 1, holder: this.holder(busy) };
  }

  /** Returns the client that a waiting or refused UI is told about. */
  holder({ busyWith, client }: Busy): Holder {
    const [controller] = this.#controllers;
    const holder = controller?.client ?? client ?? { pid: 0, command: "" };
    return busyWith === undefined ? holder : { ...holder, busyWith };
  }
}
