/**
 * `simmer ping`: measures one round trip to the server.
 *
 * @module
 */

import { defineCommand } from "../command.ts";
import { processName } from "../process_name.ts";
import { serverPlace } from "../connect/find_server.ts";
import { noServer, withServer } from "../connect/with_server.ts";

/** The `simmer ping` command. */
export const command = defineCommand({
  name: "ping",
  usage: "",
  summary: "Check that the server responds, and measure the round-trip time",
  about: [],
  options: [],
  words: { min: 0, max: 0 },
}, async (invocation, { values }) => {
  const { clock, output } = invocation;
  const place = serverPlace(invocation, values);
  const code = await withServer(invocation, place, async ({ session, hello }) => {
    const start = clock.monotonic();
    const reply = await session.call("ping");
    const ms = clock.monotonic() - start;
    const text = values.json
      ? JSON.stringify({ reply, ms, ...(hello.pid === 0 ? {} : { pid: hello.pid }) })
      : `${reply} (${processName(hello.pid)}, ${ms.toFixed(2)} ms)`;
    output.write("stdout", `${text}\n`);
    return 0;
  });
  if (code === undefined) throw noServer(place);
  return code;
});
