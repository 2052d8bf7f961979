/**
 * First part of a command's end: its processes get the signal that was asked for, and have time to
 * end by themselves. Processes that are left are ended afterwards.
 *
 * @module
 */

import type { Clock } from "../../system/clock.ts";
import { beforeAbort, type Cancellation } from "./cancellation.ts";
import { GRACE_MS, type ProcessGroup } from "./process_tree.ts";
import { PAUSING } from "./signal_forwarder.ts";

/** The processes of a command that is asked to end. */
interface EndingProcesses {
  readonly group: ProcessGroup;
  /** Settles when the leader of the group has ended. */
  readonly exit: Promise<unknown>;
  readonly clock: Clock;
}

/**
 * Sends the signals of a person to a command's processes, and waits until its leader has ended.
 * Gives up if the time is limited, or if the processes are to end at once.
 */
export async function endGracefully(
  { group, exit, clock }: EndingProcesses,
  cancellation: Cancellation,
): Promise<void> {
  const { signal, limited, forced } = cancellation;
  const isPersons = !limited.aborted;
  if (forced.aborted || (signal === "SIGTERM" && !isPersons)) return;
  await group.signal(signal);
  using _further = cancellation.onSignal((next) => {
    if (!PAUSING.has(next)) void group.signal(next);
  });
  if (isPersons) {
    await beforeAbort(exit, limited);
    return;
  }
  // Background processes of a shell ignore SIGINT and SIGQUIT. Wait only for the leader, and end
  // them after it.
  if (signal === "SIGHUP") await group.leftWithin(GRACE_MS, forced);
  else await endedWithin(exit, clock, forced);
}

/** Waits until a leader has ended, for the grace period at most. */
async function endedWithin(
  exit: Promise<unknown>,
  clock: Clock,
  forced: AbortSignal,
): Promise<void> {
  const ended = new AbortController();
  const limit = clock.sleep(GRACE_MS, AbortSignal.any([forced, ended.signal]));
  await Promise.race([exit, limit]);
  ended.abort("ended");
  await limit;
}
