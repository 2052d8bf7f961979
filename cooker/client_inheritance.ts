/**
 * Determines what tasks inherit from the process of a client: its stdin, its descriptors above
 * stderr, and attributes such as its limits.
 *
 * @module
 */

import { processId } from "../system/environment.ts";
import { isInheritable } from "../system/process/foreign_descriptors.ts";
import type { GroupSpawner } from "../system/process/group_spawner.ts";
import type { DescriptorMap, PassedDescriptors } from "../system/process/passed_descriptors.ts";
import { ClientAttributes, type StartAttributes } from "../system/process/start_attributes.ts";
import type { RunTasksParams } from "../wire/commands.ts";
import { WireError } from "../wire/errors.ts";
import type { BuildPlan } from "./plan/plan.ts";

/** Properties that tasks inherit from clients. */
export class ClientInheritance {
  readonly #spawner: GroupSpawner;
  readonly #passed: PassedDescriptors | undefined;
  readonly #attributes = new ClientAttributes();

  /** @param passed descriptors that clients have passed with their command lines, if any */
  constructor(spawner: GroupSpawner, passed: PassedDescriptors | undefined) {
    this.#spawner = spawner;
    this.#passed = passed;
  }

  /**
   * Returns the descriptors that a client has passed with its command line.
   *
   * Checks that tasks can be given the client's descriptors: its stdin, and the descriptors above
   * stderr that the run names, which only arrive with the command line. The build has not begun
   * yet, so the client can still run it itself.
   *
   * @throws {WireError} if a descriptor cannot be passed on
   */
  descriptorsFor(
    plan: BuildPlan,
    { stdinPid: pid, passed: ticket }: RunTasksParams,
  ): DescriptorMap | undefined {
    const passed = ticket === undefined ? undefined : this.#passed?.of(ticket);
    if (pid === undefined || pid === processId()) return passed;
    const named = plan.descriptors.find((each) =>
      passed?.has(each) !== true && isInheritable(pid, each)
    );
    if (named !== undefined) {
      throw new WireError("needsInheritance", `Cannot pass descriptor ${named} on to a task`);
    }
    const reads = plan.tasks.some(({ stdin }) => stdin === "reads");
    if (!reads || passed?.has(0) === true || this.#spawner.sharesStdin({ fromProcess: pid })) {
      return passed;
    }
    throw new WireError("needsInheritance", "Cannot pass stdin on to a task");
  }

  /** Keeps a client's descriptors open for work that goes on after its command line. */
  during({ passed: ticket }: RunTasksParams, work: Promise<void>): Promise<void> {
    const passed = this.#passed;
    return ticket === undefined || passed === undefined ? work : passed.during(ticket, work);
  }

  /**
   * Returns a function that compares a client's attributes with those of this process. Most builds
   * execute nothing and never call it. A client that detaches its build may be gone by the first
   * task, so its attributes are read now.
   */
  attributesOf(pid: number, isDetached: boolean): () => StartAttributes | undefined {
    const read = (): StartAttributes | undefined =>
      pid === processId() ? undefined : this.#attributes.of(pid);
    const now = isDetached ? read() : undefined;
    return () => isDetached ? now : read();
  }
}
