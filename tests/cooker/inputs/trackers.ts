/** Trackers of inputs for tests. */

import { InputTracker } from "../../../cooker/inputs/tracker.ts";

/**
 * Makes a tracker of a project.
 *
 * @param root absolute
 * @param isWatching whether it watches folders; if not, it looks at all files each time
 */
export function trackerOf(root: string, isWatching: boolean): InputTracker {
  return new InputTracker({
    root,
    cookies: `${root}/.simmer/cookies`,
    note: () => {},
    ...(isWatching ? {} : { openQueue: () => undefined }),
  });
}
