/**
 * Servers with BitBake's protocol that send many events at once, or invalid data.
 *
 * @module
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { StandIn } from "./bitbake_server.ts";

/** Pickle with an unknown opcode. */
const NO_PICKLE = new Uint8Array([0x80, 4, 0xff, 0x2e]);

for (const xmlrpc of [false, true]) {
  const way = xmlrpc ? "XML-RPC" : "its socket";
  Deno.test(`by ${way}: events of forked parsers and of the server arrive without loss`, async () => {
    await using server = await StandIn.start({ xmlrpc, parsers: 3 });
    const { code, stdout, stderr } = await server.simmer(["call", "showVersions"]);
    assertEquals([server.dropped, code, stdout], [[], 0, "true\n"], stderr);
    const lines = stderr.split("\n");
    for (const parser of ["server", "0", "1", "2"]) {
      const own = lines.filter((line) => line.endsWith(` of parser ${parser}`));
      const expected = Array.from({ length: 50 }, (_, at) => `event ${at} of parser ${parser}`);
      assertEquals(own, expected);
    }
  });

  Deno.test(`by ${way}: an event that is not a pickle is reported, and later events are shown`, async () => {
    await using server = await StandIn.start({ xmlrpc, odd: NO_PICKLE });
    const { code, stdout, stderr } = await server.simmer(["call", "showVersions"]);
    assertEquals([server.dropped, code, stdout], [[], 0, "true\n"], stderr);
    assertStringIncludes(stderr, "simmer: warning: Cannot read an event of BitBake's server: ");
    assertStringIncludes(stderr, "a plain line of the task\n");
  });
}

for (const [garble, ...args] of [["getVariable", "status"], ["showVersions", "call"]]) {
  Deno.test(`a reply to ${garble} that is not a frame is reported in one sentence`, async () => {
    await using server = await StandIn.start({ garble: garble ?? "" });
    const words = args[0] === "call" ? [...args, "showVersions"] : args;
    const { code, stderr } = await server.simmer(words);
    const errors = stderr.split("\n").filter((line) => line.startsWith("simmer: "));
    assertEquals(
      [code, errors],
      [3, ["simmer: Cannot go on with BitBake's server: a frame has a negative length"]],
      stderr,
    );
  });
}
