/**
 * Descriptors that a client passes with `go` for the tasks of its command line.
 *
 * @module
 */

import { ExecuteError } from "../forward/requests.ts";
import type { PassedDescriptors } from "../system/process/passed_descriptors.ts";
import type { DescriptorReceiver } from "./descriptor_receiver.ts";

/** Parts of the server that hold descriptors. */
interface DescriptorHolders {
  readonly passed: PassedDescriptors;
  readonly receiver: DescriptorReceiver;
}

/** The descriptors of one client. */
export class ClientDescriptors {
  readonly #passed: PassedDescriptors;
  readonly #receiver: DescriptorReceiver;
  #ticket: number | undefined;

  constructor({ passed, receiver }: DescriptorHolders) {
    this.#passed = passed;
    this.#receiver = receiver;
  }

  /** The ticket for the descriptors, if there are any. */
  get ticket(): number | undefined {
    return this.#ticket;
  }

  /**
   * Registers received descriptors until {@linkcode release}.
   *
   * @param numbers their numbers in the client
   * @throws {ExecuteError} if the client has passed more or fewer than it has announced
   */
  register(numbers: readonly number[], descriptors: readonly number[]): void {
    if (descriptors.length !== numbers.length) {
      this.#receiver.release(descriptors);
      throw new ExecuteError(
        `received ${descriptors.length} descriptors, expected ${numbers.length}`,
      );
    }
    this.#ticket = this.#passed.add(
      new Map(numbers.map((number, index) => [number, descriptors[index] ?? -1])),
      (unused) => this.#receiver.release(unused),
    );
  }

  /** Ends the use of the descriptors. They are closed when no task uses them. */
  release(): void {
    if (this.#ticket !== undefined) this.#passed.release(this.#ticket);
    this.#ticket = undefined;
  }
}
