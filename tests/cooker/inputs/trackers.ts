/** Creates input trackers for tests. */

import { InputTracker } from "../../../cooker/inputs/tracker.ts";

/**
 * Creates a tracker of a project.
 *
 * @param root absolute
 * @param isWatching true if it watches folders; otherwise it scans all files each time
 */
export function trackerOf(root: string, isWatching: boolean): InputTracker {
  return new InputTracker({
    root,
    cookies: `${root}/.simmer/cookies`,
    note: () => {},
    ...(isWatching ? {} : { openQueue: () => undefined }),
  });
}
