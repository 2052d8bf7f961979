/**
 * `simmer ui`: shows the builds of the project's server on the whole screen, as an observer.
 *
 * @module
 */

import { isInForeground } from "../../system/process/foreign_descriptors.ts";
import { defineCommand } from "../command.ts";
import { serverPlace } from "../connect/find_server.ts";
import { ClientError, EXIT } from "../errors.ts";
import type { Invocation } from "../invocation.ts";
import { styleFor } from "../render/style.ts";

/** The `simmer ui` command. */
export const command = defineCommand({
  name: "ui",
  usage: "",
  summary: "Show builds and their output on the whole screen",
  about: [
    "The tasks are at the left, and the output of one of them at the right, with search and copy.\n" +
    "'?' shows the keys. The view can be opened in a second terminal before, during and after a\n" +
    "build. It never slows a build. Leaving it (q) ends nothing.",
    "'r' runs a task again, as a new build that goes on when the view is left. 'i' types into a task\n" +
    "that reads keys. A server that was started with 'simmer serve --single' permits that only while\n" +
    "no other client controls it.",
    "The exit code is 3 if no server is running, and 2 if stdin or stdout is no terminal.",
  ],
  options: [
    {
      name: "mouse",
      kind: "flag",
      summary: "click to choose a task, and scroll with the wheel; default: left to the terminal",
    },
  ],
  words: { min: 0, max: 0 },
  examples: [["simmer ui", "look at the build that runs in another terminal"]],
}, async (invocation, { values }) => {
  requireTerminal(invocation, values.json);
  const place = serverPlace(invocation, values);
  const { isPlain } = styleFor({ color: values.color, env: invocation.env, isTerminal: true });
  const { showFullView } = await import("../ui/full_view.ts");
  return await showFullView({ invocation, place, isPlain, hasMouse: values.mouse });
});

/** @throws {ClientError} if the view cannot be shown */
function requireTerminal({ terminal, env, keyboard, pid }: Invocation, json: boolean): void {
  const refuse = (reason: string): never => {
    throw new ClientError(
      EXIT.usage,
      `simmer ui ${reason}; 'simmer events' and 'simmer status' need no terminal`,
    );
  };
  if (json) refuse("shows a screen and has no JSON");
  if (!terminal.stdin || !terminal.stdout) refuse("needs a terminal for stdin and stdout");
  if (env.TERM === "dumb") refuse("needs a terminal with a cursor, and TERM is 'dumb'");
  if (keyboard === undefined) refuse("needs the keyboard of its own process");
  if (!isInForeground(pid)) refuse("needs to run in the terminal's foreground");
}
