/**
 * `simmer events`: prints the server's events as an observer, one JSON object a line.
 *
 * @module
 */

import { defineCommand } from "../command.ts";
import { EXIT } from "../errors.ts";
import { serverPlace } from "../connect/find_server.ts";
import { noServer, withServer } from "../connect/with_server.ts";
import { brokenExit } from "../output.ts";
import { processName } from "../process_name.ts";

/** The `simmer events` command. */
export const command = defineCommand({
  name: "events",
  usage: "",
  summary: "Print the server's events, one JSON object per line",
  about: [
    "Observers never slow a build. Events that they read too slowly are dropped, and the number is\n" +
    "reported.",
    "The command exits when the server exits. --log-level sets the least important log records to\n" +
    "print; default: info.",
  ],
  options: [],
  words: { min: 0, max: 0 },
}, async (invocation, { values }) => {
  const { output } = invocation;
  const place = serverPlace(invocation, values);
  const code = await withServer(invocation, place, async ({ session, hello }) => {
    session.onEvent((event) => {
      output.write("stdout", `${JSON.stringify(event)}\n`);
      return output.settled;
    });
    const logLevel = values["log-level"];
    if (logLevel !== undefined) await session.call("setEventMask", { logLevel });
    if (!values.quiet) {
      output.write("stderr", `simmer: observing the server (${processName(hello.pid)})\n`);
    }
    const broken = output.broken.then(brokenExit);
    const ended = session.ended.then((error) => {
      if (!error.hasReason) throw error;
      return EXIT.ok;
    });
    return await Promise.race([ended, broken]);
  }, { role: "observer", quiet: values.quiet });
  if (code === undefined) throw noServer(place);
  return code;
});
