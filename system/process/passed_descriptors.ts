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

/** Holds descriptors until their command line has ended. */
export class PassedDescriptors {
  readonly #maps = new Map<number, DescriptorMap>();
  #last = 0;

  /**
   * Registers descriptors.
   *
   * @returns the ticket for them
   */
  add(descriptors: DescriptorMap): number {
    this.#maps.set(++this.#last, descriptors);
    return this.#last;
  }

  /**
   * Looks up a ticket.
   *
   * @returns its descriptors; `undefined` if the ticket was removed
   */
  of(ticket: number): DescriptorMap | undefined {
    return this.#maps.get(ticket);
  }

  /**
   * Removes a ticket.
   *
   * @returns its descriptors, which the caller must close
   */
  remove(ticket: number): readonly number[] {
    const descriptors = [...this.#maps.get(ticket)?.values() ?? []];
    this.#maps.delete(ticket);
    return descriptors;
  }
}
