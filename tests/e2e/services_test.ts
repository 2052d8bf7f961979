/** Services: tasks that run until nobody needs them. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Project } from "./support.ts";

/** Listens at the given port after 0.3 s, answers with its process id, and exits after a time. */
const SERVER = `import http.server, os, sys, threading, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(os.getpid()).encode())
    def log_message(self, *_):
        pass
time.sleep(0.3)
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
print("listening", flush=True)
if len(sys.argv) > 2:
    threading.Timer(float(sys.argv[2]), lambda: (print("boom", flush=True), os._exit(3))).start()
server.serve_forever()
`;

const ASK = `import sys, urllib.request
print(urllib.request.urlopen("http://127.0.0.1:" + sys.argv[1]).read().decode())
`;

/** Returns a TCP port that is free now. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function isListening(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}

/** Creates a project with a service `dev`, and a task `test` that depends on it. */
function project(
  service: Record<string, unknown>,
  port: number,
  dev = `python3 server.py ${port}`,
): Promise<Project> {
  return Project.create({
    "deno.json": {
      tasks: {
        dev,
        test: { command: `python3 ask.py ${port}`, dependencies: ["dev"] },
        slow: { command: "sleep 600", dependencies: ["dev"] },
      },
      simmer: { tasks: { dev: { service } } },
    },
    "server.py": SERVER,
    "ask.py": ASK,
  });
}

for (const kind of ["port", "output", "command"] as const) {
  Deno.test(`a task waits until its service is ready by ${kind}, and the service ends with the run`, async () => {
    const port = freePort();
    const ready = { port, output: "^listening$", command: `python3 ask.py ${port}` }[kind];
    await using own = await project({ ready: { [kind]: ready } }, port);
    const { code, stdout, stderr } = await own.run(["run", "test"]);
    assertEquals(code, 0, stderr);
    assertMatch(stdout, /^\d+$/m);
    assertStringIncludes(stderr, "dev is ready");
    assertEquals(await isListening(port), false);
  });
}

Deno.test("a requested service runs until Ctrl-C, and other runs share it", async () => {
  const port = freePort();
  await using own = await project({ ready: { port } }, port);
  const dev = own.start(["run", "dev"]);
  await dev.stderr.until("dev is ready");
  const first = await own.run(["run", "test"]);
  const second = await own.run(["run", "test"]);
  assertEquals([first.code, second.code], [0, 0], first.stderr + second.stderr);
  assertEquals(first.stdout, second.stdout, "both were answered by the same process");
  assert(await isListening(port));
  dev.kill("SIGINT");
  await dev.finished();
  assertEquals(await isListening(port), false);
});

Deno.test("a service that another run needs goes on when its first run ends", async () => {
  const port = freePort();
  await using own = await project({ ready: { port } }, port);
  const dev = own.start(["run", "dev"]);
  await dev.stderr.until("dev is ready");
  const slow = own.start(["run", "slow"]);
  await slow.stderr.until("Task slow");
  dev.kill("SIGINT");
  assertEquals((await dev.finished()).code, 130);
  assert(await isListening(port));
  slow.kill("SIGINT");
  await slow.finished();
  assertEquals(await isListening(port), false);
});

Deno.test("a service that dies is reported at once with its exit code and its last lines, and the run fails", async () => {
  const port = freePort();
  await using own = await project(
    { ready: { port } },
    port,
    `python3 server.py ${port} 0.2`,
  );
  const { code, stderr } = await own.run(["run", "slow"]);
  assertEquals(code, 3, stderr);
  assertStringIncludes(
    stderr,
    "dev failed with exit code 3; its last lines:\n  listening\n  boom\n",
  );
});

Deno.test("a service is started again after a failure if it says so", async () => {
  const port = freePort();
  await using own = await project(
    { ready: { port }, restart: "on-failure" },
    port,
    `python3 server.py ${port} 0.2`,
  );
  const dev = own.start(["run", "dev"]);
  await dev.stderr.until("dev ended with exit code 3; it is started again in 1 s");
  await dev.stderr.until("dev ended with exit code 3; it is started again in 2 s");
  dev.kill("SIGINT");
  await dev.finished();
  assertEquals(await isListening(port), false);
});

Deno.test("a service that is not ready in time fails, and so does one that ends before it is ready", async () => {
  const port = freePort();
  await using late = await project({ ready: { port }, timeout: 0.3 }, port, "sleep 600");
  const first = await late.run(["run", "test"]);
  assertEquals(first.code, 1);
  assertStringIncludes(first.stderr, "it was not ready within 0.3 s");
  await using early = await project({ ready: { port } }, port, "echo oops && exit 7");
  const second = await early.run(["run", "test"]);
  assertEquals(second.code, 7);
  assertStringIncludes(second.stderr, "it ended with exit code 7 before it was ready");
});

Deno.test("a port that another process holds is reported before the service starts, with its holder", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  await using own = await project({ ready: { port } }, port);
  const { code, stdout, stderr } = await own.run(["run", "test"]);
  assertEquals([code, stdout], [1, ""], stderr);
  assertStringIncludes(stderr, `its port ${port} is in use by`);
  if (Deno.build.os === "linux") assertStringIncludes(stderr, `(pid ${Deno.pid})`);
});

Deno.test("simmer run -r starts all services at once, whatever the number of job slots is", async () => {
  const members = ["a", "b", "c", "d"];
  const member = (name: string): Record<string, unknown> => ({
    name: `@x/${name}`,
    tasks: { dev: "echo up && sleep 600" },
    simmer: { tasks: { dev: { service: true } } },
  });
  await using own = await Project.create({
    "deno.json": { workspace: members.map((name) => `./${name}`) },
    ...Object.fromEntries(members.map((name) => [`${name}/deno.json`, member(name)])),
  });
  const dev = own.start(["run", "-r", "-j1", "dev"]);
  for (const name of members) await dev.stdout.until(`[@x/${name}#dev] up`);
  dev.kill("SIGINT");
  assertEquals((await dev.finished()).code, 130);
});

Deno.test("simmer watch keeps a service between its runs, and starts it again when one of its files changes", async () => {
  const port = freePort();
  await using own = await Project.create({
    "deno.json": {
      tasks: {
        dev: { command: `python3 server.py ${port}`, files: ["server.py"] },
        test: {
          command: `python3 ask.py ${port}`,
          files: ["ask.py", "input.txt"],
          dependencies: ["dev"],
        },
      },
      simmer: { tasks: { dev: { service: { ready: { port } } } } },
    },
    "server.py": SERVER,
    "ask.py": ASK,
    "input.txt": "1",
  });
  const watch = own.start(["watch", "test"]);
  const idle = "watching for changes";
  await watch.stderr.until(idle);
  const pids = (): string[] => watch.stdout.text.match(/^\d+$/gm) ?? [];
  assert(await isListening(port));
  await own.write("input.txt", "2");
  await watch.stderr.until(idle, 2);
  await own.write("server.py", `${SERVER}# edited\n`);
  await watch.stderr.until(idle, 3);
  const [first, second, third] = pids();
  assertEquals(first, second, "the service went on");
  assert(third !== undefined && third !== first, "the service was started again");
  watch.kill("SIGINT");
  await watch.finished();
  await own.run(["ping"]);
  for (let tries = 0; tries < 100 && await isListening(port); tries++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assertEquals(await isListening(port), false);
});
