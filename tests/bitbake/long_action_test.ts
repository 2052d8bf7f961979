/**
 * Actions that take longer than a client waits for a reply.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { openGateway } from "../../bitbake/driving/gateway.ts";
import { GIVE_UP_MS, MENTION_MS, SocketSession } from "../../client/session.ts";
import { FakeClock } from "../../system/fake_clock.ts";
import { StandIn } from "./bitbake_server.ts";

/** Opens a session to a stand-in for BitBake's server. */
async function openSession(
  server: StandIn,
  options: { readonly clock: FakeClock; readonly say?: (text: string) => void },
): Promise<SocketSession> {
  const caller = { env: { PATH: "/bin" }, cwd: server.folder, words: ["simmer", "call"] };
  const place = { socket: `${server.folder}/bitbake.sock` };
  const channel = await openGateway(place, options.clock, caller);
  if (channel === undefined) throw new Error("the stand-in does not listen");
  return new SocketSession(channel, options);
}

Deno.test("R23 a session waits for a long action of BitBake as long as the server answers pings", async () => {
  await using server = await StandIn.start();
  const clock = new FakeClock();
  const said: string[] = [];
  await using session = await openSession(server, { clock, say: (text) => said.push(text) });
  const reply = session.call("showVersions", ["after ping"], { mayQueue: true });
  await server.received("showVersions");
  await clock.advance(MENTION_MS);
  await clock.advance(GIVE_UP_MS);
  assertEquals(await reply, true);
  assertEquals(said, ["no reply to showVersions for 30 s; still waiting"]);
  assertEquals(server.commands.slice(-2), [["showVersions", "after ping"], ["ping"]]);
});

Deno.test("a second action of BitBake is refused while the first one runs, and the first one continues", async () => {
  await using server = await StandIn.start();
  await using session = await openSession(server, { clock: new FakeClock() });
  const first = session.call("showVersions", ["after ping"]);
  const second = session.call("showVersions").catch((error: unknown) => String(error));
  assertEquals(
    await second,
    "WireError: BitBake carries out another action: 'showVersions' has to wait",
  );
  await session.call("ping");
  assertEquals(await first, true);
});
