import { assertEquals, assertStringIncludes } from "@std/assert";
import { Project } from "./support.ts";

const FILES = { "deno.json": { tasks: { hello: "echo hello", long: "echo begun && sleep 600" } } };

Deno.test("status --all and stop --all apply to every server of the user, from any project", async () => {
  await using first = await Project.create(FILES);
  await using second = await Project.create(FILES);
  const env = { SIMMER_CACHE_DIR: `${first.root}/.cache` };
  const none = await first.run(["status", "--all"], { env });
  assertEquals([none.code, none.stdout], [3, "No server runs\n"]);
  assertEquals((await first.run(["run", "hello"], { env })).code, 0);
  const long = second.start(["run", "long"], { env });
  await long.stdout.until("begun");

  const status = await second.run(["status", "--all"], { env });
  assertEquals(status.code, 0, status.stderr);
  for (const { root } of [first, second]) assertStringIncludes(status.stdout, `root     ${root}\n`);
  const roots = async (): Promise<string[]> => {
    const { stdout, stderr } = await first.run(["status", "--all", "--json"], { env });
    assertEquals(stderr, "");
    return (JSON.parse(stdout) as { root: string }[]).map(({ root }) => root);
  };
  assertEquals(await roots(), [first.root, second.root].sort());

  // `status --all` removes a killed server from the registry.
  Deno.kill(await first.serverPid(), "SIGKILL");
  assertEquals(await roots(), [second.root]);

  const stop = await first.run(["stop", "--all", "--force", "--json"], { env });
  assertEquals([stop.code, (JSON.parse(stop.stdout) as unknown[]).length], [0, 1], stop.stderr);
  assertStringIncludes(stop.stderr, `stopping the server of ${second.root} (pid `);
  assertEquals((await long.finished()).code, 130);
  assertEquals(await roots(), []);
  const nothing = await first.run(["stop", "--all"], { env });
  assertEquals([nothing.code, nothing.stderr], [0, "simmer: no server runs\n"]);
  const both = await first.run(["stop", "--all", "--server", "unix:/x"], { env });
  assertEquals(both.code, 2);
  assertStringIncludes(both.stderr, "'--all' cannot be used with '--server <address>'");
});
