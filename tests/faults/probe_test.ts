/** R18 R20: probes of the lock, also while a server starts. */

import { assertEquals } from "@std/assert";
import { LockFile } from "../../lock/lock_file.ts";
import { Project } from "../e2e/support.ts";

const CONFIG = { tasks: { hello: "echo hello" } };

/** Milliseconds that a foreign probe holds the lock, and that it waits between two probes. */
const PROBE_MS = 30;

/** Number of server starts. About half of the attempts to lock meet a probe. */
const STARTS = 6;

/** Takes the lock exclusively again and again, as probes of older and BitBake's clients do. */
class ForeignProbe implements AsyncDisposable {
  readonly #path: string;
  readonly #over = new AbortController();
  readonly #probing: Promise<void>;
  count = 0;

  constructor(path: string) {
    this.#path = path;
    this.#probing = this.#probe();
  }

  async #probe(): Promise<void> {
    while (!this.#over.signal.aborted) {
      const lock = await LockFile.acquire(this.#path, { wait: "once" });
      if (lock !== undefined) this.count++;
      await new Promise((resolve) => setTimeout(resolve, PROBE_MS));
      lock?.close();
      await new Promise((resolve) => setTimeout(resolve, PROBE_MS));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    await this.#probing;
  }
}

Deno.test("R18 R20 simmer serve starts although probes briefly hold the lock", async () => {
  await using project = await Project.create({ "deno.json": CONFIG });
  await Deno.mkdir(`${project.root}/.simmer`, { mode: 0o700 });
  await using probe = new ForeignProbe(`${project.root}/.simmer/lock`);
  for (let start = 0; start < STARTS; start++) {
    const serve = project.start(["serve"]);
    await serve.stderr.until("Entering server connection loop");
    serve.kill("SIGTERM");
    assertEquals((await serve.finished()).code, 143);
  }
  assertEquals(probe.count > STARTS, true, "the probes have held the lock");
});

Deno.test("R18 simmer status neither creates nor removes a state file, apart from the cache", async () => {
  await using project = await Project.create({ "deno.json": CONFIG, ".simmer/lock": "1\n" });
  await Deno.chmod(`${project.root}/.simmer`, 0o700);
  assertEquals((await project.run(["status"])).code, 3);
  const names = [...Deno.readDirSync(`${project.root}/.simmer`)].map(({ name }) => name);
  assertEquals(names.filter((name) => name !== "cache"), ["lock"]);
});
