import { assertEquals } from "@std/assert";
import { readHello, serverIdentity } from "../../server/hello.ts";
import { helloParams } from "./support.ts";

Deno.test("readHello redacts apparent secrets in the client's command line", () => {
  const identity = serverIdentity(1, { root: "/p" });
  const cases: readonly (readonly [string, string])[] = [
    ["a program", "a program"],
    ["tool run -- --password 'a b' x", "tool run -- --password *** x"],
  ];
  for (const [command, expected] of cases) {
    const { client } = readHello(helloParams({ client: { pid: 2, command } }), identity, undefined);
    assertEquals(client, { pid: 2, command: expected });
  }
});
