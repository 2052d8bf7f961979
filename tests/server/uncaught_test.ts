/** Uncaught errors in a server, and a BitBake socket that cannot be opened. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { FakeClock } from "../../system/fake_clock.ts";
import { Project } from "../e2e/support.ts";
import { TestServer } from "./support.ts";

const CONFIG = { tasks: { a: "echo a" } };

/** Clock whose short sleeps never end once `stands` is set, so that the loop has no more ticks. */
class StandingClock extends FakeClock {
  stands = false;

  override sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.stands && ms < 5000 ? new Promise(() => {}) : super.sleep(ms, signal);
  }
}

Deno.test("an uncaught error is logged, and the server keeps running", async () => {
  await using server = new TestServer();
  const client = await server.join();
  server.server.uncaught(new RangeError("lost"));
  await server.clock.advance(20_000);
  assertEquals(await client.call("ping"), "Still alive!");
  assertMatch(server.log.messages.join("\n"), /Uncaught error: RangeError: lost/);
});

Deno.test("R12 a server whose loop hangs after an uncaught error still runs every shutdown step", async () => {
  const clock = new StandingClock();
  await using server = new TestServer({ clock });
  const client = await server.join();
  await client.call("ping");
  clock.stands = true;
  await clock.advance(2000);
  server.server.uncaught(new RangeError("lost"));
  await clock.advance(20_000);
  assertEquals(await server.ended, { reason: "failure", isClean: false });
  assertEquals((await client.event("ServerExit")).reason, "failure");
  assertStringIncludes(server.log.messages.join("\n"), "the main loop has not run for 5 s");
  assertEquals(server.cooker.calls.slice(-4), [
    "shutdown(false)",
    "notifier.stop",
    "configNotifier.stop",
    "postServe",
  ]);
});

Deno.test("the server process survives an unhandled rejection and an uncaught exception", async () => {
  const module = (path: string): string => new URL(`../../${path}`, import.meta.url).href;
  const root = await Deno.realPath(await Deno.makeTempDir());
  await Deno.writeTextFile(`${root}/deno.json`, JSON.stringify(CONFIG));
  const program = `
    import { serveProject } from "${module("app/daemon.ts")}";
    const served = await serveProject({
      project: { root: "${root}" },
      timeoutSeconds: -1,
      maxRssBytes: 0,
      maxServers: 0,
      foreground: true,
      lockFromClient: false,
      openDoors: [{
        name: "test",
        isAsked: false,
        open: () => {
          setTimeout(() => {
            Promise.reject(new RangeError("without an owner"));
            setTimeout(() => {
              setTimeout(() => Deno.kill(Deno.pid, "SIGTERM"), 0);
              throw new RangeError("out of a timer");
            }, 0);
          }, 0);
          return Promise.resolve(undefined);
        },
      }],
    });
    console.log(JSON.stringify(served));
  `;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", program],
    env: { SIMMER_CACHE_DIR: `${root}/.simmer/cache` },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  const log = decoder.decode(stderr);
  assertEquals([code, decoder.decode(stdout)], [0, '{"kind":"ended","exitCode":143}\n'], log);
  for (const error of ["without an owner", "out of a timer"]) {
    assertStringIncludes(log, `Uncaught error: RangeError: ${error}`);
  }
  assertStringIncludes(log, "Exiting");
  await Deno.remove(root, { recursive: true });
});

Deno.test("'simmer serve --bitbake' reports why the BitBake socket cannot be opened", async () => {
  await using project = await Project.create({
    "deno.json": CONFIG,
    "bitbake.sock.new/file": "in the way\n",
  });
  const { code, stderr } = await project.run(["serve", "--bitbake"]);
  assertEquals(code, 3, stderr);
  assertMatch(stderr, /simmer: cannot serve BitBake's clients: .*bitbake\.sock\.new/);
});
