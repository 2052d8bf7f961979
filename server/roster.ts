/**
 * Who is connected, and whose turn it is: one controller, a queue, and those who look on.
 *
 * @module
 */

import type { Holder, QueuePlace, Role, WhenBusy } from "../wire/hello.ts";
import type { UI } from "./ui.ts";

/** What a UI that says hello becomes, or that it is refused. */
type Admission = Role | "waiting" | "refused";

/** The UIs of a server. */
export class Roster {
  readonly #uis = new Set<UI>();
  readonly #queue: UI[] = [];
  #controller: UI | undefined;

  /** How many UIs there are, whatever their roles. */
  get size(): number {
    return this.#uis.size;
  }

  /** All of them, in the order of their coming. */
  get all(): readonly UI[] {
    return [...this.#uis];
  }

  /** The one that may change things. */
  get controller(): UI | undefined {
    return this.#controller;
  }

  /** What a newcomer would become. */
  admission(role: Role, whenBusy: WhenBusy): Admission {
    if (role !== "controller" || this.#controller === undefined) return role;
    const outcomes = { wait: "waiting", refuse: "refused", observe: "observer" } as const;
    return outcomes[whenBusy];
  }

  /** Takes a UI in, with the role that it has. */
  add(ui: UI): void {
    this.#uis.add(ui);
    if (ui.role === "controller") this.#controller = ui;
    if (ui.role === "waiting") this.#queue.push(ui);
  }

  /**
   * Lets a UI go.
   *
   * @returns the waiting UI that has become the controller by that
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

  /** Waiting UIs with their places. */
  places(busyWith: string | undefined): [UI, QueuePlace][] {
    return this.#queue.map((
      ui,
      index,
    ) => [ui, { position: index + 1, holder: this.holder(busyWith) }]);
  }

  /** The place of one waiting UI. */
  place(ui: UI, busyWith: string | undefined): QueuePlace {
    return { position: this.#queue.indexOf(ui) + 1, holder: this.holder(busyWith) };
  }

  /** Who holds the server. */
  holder(busyWith: string | undefined): Holder {
    const client = this.#controller?.client ?? { pid: 0, command: "" };
    return busyWith === undefined ? client : { ...client, busyWith };
  }
}
