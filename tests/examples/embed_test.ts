import { assert, assertEquals } from "@std/assert";
import { connectUnix } from "../../system/net/unix_socket.ts";
import { helloParams, StreamClient } from "../server/support.ts";

Deno.test("examples/embed serves a cooker of its own, and is short", async () => {
  const folder = await Deno.makeTempDir();
  const main = new URL("../../examples/embed/main.ts", import.meta.url).pathname;
  const lines = (await Deno.readTextFile(main)).split("\n")
    .filter((line) => line.trim() !== "" && !/^\s*(\/?\*|\/\/)/.test(line));
  assert(lines.length < 60, `${lines.length} lines of code`);
  const server = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", main, `${folder}/sock`],
    cwd: folder,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const reader = server.stderr.getReader();
  const decoder = new TextDecoder();
  let log = "";
  while (!log.includes("Socket:")) {
    const { value } = await reader.read();
    assert(value !== undefined, log);
    log += decoder.decode(value, { stream: true });
  }
  const stream = await connectUnix(`${folder}/sock`);
  assert(stream !== undefined);
  const client = new StreamClient(stream);
  await client.call("hello", helloParams());
  assertEquals(await client.call("countTo", { number: 3 }), { number: 3 });
  await client.event("CommandCompleted");
  const counted = client.events.filter((event) => event.type === "LogRecord");
  assertEquals(counted.map((event) => event.type === "LogRecord" && event.message), [
    "1",
    "2",
    "3",
  ]);
  await client.leave();
  while (!(await reader.read()).done);
  assertEquals((await server.status).code, 0);
  await Deno.remove(folder, { recursive: true });
});
