/**
 * Descriptors that clients have passed to this process, for the tasks of their command lines.
 *
 * A command names them by a ticket, as no client may name this process's own descriptors.
 *
 * @module
 */

/** This process's descriptors, by the numbers that they have in the client's process. */
export type DescriptorMap = ReadonlyMap<number, number>;

/** Keeps descriptors until their command line has ended. */
export class PassedDescriptors {
  readonly #maps = new Map<number, DescriptorMap>();
  #last = 0;

  /** @returns the ticket for these descriptors */
  add(descriptors: DescriptorMap): number {
    this.#maps.set(++this.#last, descriptors);
    return this.#last;
  }

  /** @returns the descriptors of a ticket; `undefined` if there are none any more */
  of(ticket: number): DescriptorMap | undefined {
    return this.#maps.get(ticket);
  }

  /** Forgets a ticket. @returns its descriptors, which the caller closes */
  remove(ticket: number): readonly number[] {
    const descriptors = [...this.#maps.get(ticket)?.values() ?? []];
    this.#maps.delete(ticket);
    return descriptors;
  }
}
