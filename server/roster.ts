/**
 * The connected UIs of a server and their roles: one controller, a queue of UIs that wait for that
 * role, observers and operators.
 *
 * @module
 */

import type { Holder, QueuePlace, Role, WhenBusy } from "../wire/hello.ts";
import type { UI } from "./ui.ts";

/** Role that a UI gets at its hello, or its refusal. */
type Admission = Role | "waiting" | "refused";

/** The UIs of a server. */
export class Roster {
  readonly #uis = new Set<UI>();
  readonly #queue: UI[] = [];
  #controller: UI | undefined;

  /** Number of UIs of all roles. */
  get size(): number {
    return this.#uis.size;
  }

  /** All UIs, in the order of their arrival. */
  get all(): readonly UI[] {
    return [...this.#uis];
  }

  /** UI that may change the state of the server. */
  get controller(): UI | undefined {
    return this.#controller;
  }

  /** Returns the role that a new UI would get. */
  admission(role: Role, whenBusy: WhenBusy): Admission {
    if (role !== "controller" || this.#controller === undefined) return role;
    const outcomes = { wait: "waiting", refuse: "refused", observe: "observer" } as const;
    return outcomes[whenBusy];
  }

  /** Adds a UI with its role. */
  add(ui: UI): void {
    this.#uis.add(ui);
    if (ui.role === "controller") this.#controller = ui;
    if (ui.role === "waiting") this.#queue.push(ui);
  }

  /**
   * Removes a UI.
   *
   * @returns the waiting UI that has become the controller, if any
   */
  remove(ui: UI): UI | undefined {
    this.#uis.delete(ui);
    const place = this.#queue.indexOf(ui);
    if (place >= 0) this.#queue.splice(place, 1);
    if (this.#controller !== ui) return undefined;
    this.#controller = this.#queue.shift();
    if (this.#controller !== undefined) this.#controller.role = "controller";
    return this.#controller;
  }

  /** Returns the waiting UIs with their places in the queue. */
  places(busyWith: string | undefined): [UI, QueuePlace][] {
    return this.#queue.map((
      ui,
      index,
    ) => [ui, { position: index + 1, holder: this.holder(busyWith) }]);
  }

  /** Returns the place of one waiting UI. */
  place(ui: UI, busyWith: string | undefined): QueuePlace {
    return { position: this.#queue.indexOf(ui) + 1, holder: this.holder(busyWith) };
  }

  /** Returns the client that controls the server. */
  holder(busyWith: string | undefined): Holder {
    const client = this.#controller?.client ?? { pid: 0, command: "" };
    return busyWith === undefined ? client : { ...client, busyWith };
  }
}
