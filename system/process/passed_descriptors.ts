/**
 * Registers the descriptors that clients have passed to this process for the tasks of their command
 * lines.
 *
 * A command refers to its descriptors by a ticket. Clients must not be able to name descriptors of
 * this process directly.
 *
 * @module
 */

/** Maps descriptor numbers in the client's process to descriptors of this process. */
export type DescriptorMap = ReadonlyMap<number, number>;

/** The descriptors of one command line. */
interface Passed {
  readonly descriptors: DescriptorMap;
  readonly close: (descriptors: readonly number[]) => void;
  /** Number of those that use them: the command line, and work that goes on after it. */
  users: number;
}

/** Holds descriptors until their command line has ended, and work that goes on after it. */
export class PassedDescriptors {
  readonly #passed = new Map<number, Passed>();
  #last = 0;

  /**
   * Registers descriptors.
   *
   * @param close called when they are no longer used
   * @returns the ticket for them
   */
  add(descriptors: DescriptorMap, close: Passed["close"]): number {
    this.#passed.set(++this.#last, { descriptors, close, users: 1 });
    return this.#last;
  }

  /**
   * Looks up a ticket.
   *
   * @returns its descriptors; `undefined` if they are closed
   */
  of(ticket: number): DescriptorMap | undefined {
    return this.#passed.get(ticket)?.descriptors;
  }

  /** Keeps descriptors open until work has ended. */
  async during(ticket: number, work: Promise<void>): Promise<void> {
    const passed = this.#passed.get(ticket);
    if (passed !== undefined) passed.users++;
    try {
      await work;
    } finally {
      if (passed !== undefined) this.release(ticket);
    }
  }

  /** Ends one use of descriptors. The last one closes them. */
  release(ticket: number): void {
    const passed = this.#passed.get(ticket);
    if (passed === undefined || --passed.users > 0) return;
    this.#passed.delete(ticket);
    passed.close([...passed.descriptors.values()]);
  }
}
