/** A server of the previous version, whose socket is inside the project. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { isProcessAlive } from "../../system/process/processes.ts";
import { pathExists } from "../../system/files/path_exists.ts";
import { Project, untilGone } from "./support.ts";

/** The last commit of version 0.1.0. */
const OLD = "d29d3e1";

const REPOSITORY = new URL("../..", import.meta.url).pathname;

/** Returns whether the repository has the old version. A shallow clone may not have it. */
async function hasOld(): Promise<boolean> {
  const git = new Deno.Command("git", {
    args: ["-C", REPOSITORY, "cat-file", "-e", `${OLD}^{commit}`],
    stdout: "null",
    stderr: "null",
  });
  try {
    return (await git.output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

const isThere = await hasOld();
const because = isThere ? "" : ` (skipped: this clone has no commit ${OLD})`;

/** The old version in a folder of its own. `words` run it. */
class OldVersion implements AsyncDisposable {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async create(): Promise<OldVersion> {
    const folder = await Deno.makeTempDir({ prefix: "simmer_old_" });
    const script = 'git -C "$0" archive "$1" | tar -x -C "$2"';
    const { success } = await new Deno.Command("sh", {
      args: ["-c", script, REPOSITORY, OLD, folder],
    }).output();
    assertEquals(success, true);
    return new OldVersion(folder);
  }

  get words(): string[] {
    return [Deno.execPath(), "run", "-A", `${this.#folder}/main.ts`];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}

const CONFIG = { tasks: { a: "echo a", wait: "echo up && cat gate" } };

Deno.test({
  name: `R24 an idle server of the previous version is recognised and replaced${because}`,
  ignore: !isThere,
  fn: async () => {
    await using old = await OldVersion.create();
    await using project = await Project.create({ "deno.json": CONFIG });
    assertEquals((await project.runProgram([...old.words, "run", "-q", "a"])).stdout, "a\n");
    const before = await project.serverPid();
    assertEquals(pathExists(`${project.root}/.simmer/server.sock`), true);
    const status = await project.run(["status"]);
    assertStringIncludes(status.stdout, `simmer 0.1.0, pid ${before}`);
    const run = await project.run(["run", "a"]);
    assertEquals([run.code, run.stdout], [0, "a\n"], run.stderr);
    assertStringIncludes(run.stderr, `restarting the server (pid ${before}): it is simmer 0.1.0`);
    await untilGone(before, "the old server");
    for (const name of ["server.sock", "express.sock"]) {
      assertEquals(pathExists(`${project.root}/.simmer/${name}`), false, name);
    }
    const after = await project.serverPid();
    assertEquals((await project.run(["run", "-q", "a"])).stdout, "a\n");
    assertEquals(await project.serverPid(), after);
  },
});

Deno.test({
  name:
    `R24 a busy server of the previous version completes its build before it is replaced${because}`,
  ignore: !isThere,
  fn: async () => {
    await using old = await OldVersion.create();
    await using project = await Project.create({ "deno.json": CONFIG });
    await project.runProgram(["mkfifo", "gate"]);
    const busy = project.startProgram([...old.words, "run", "-q", "wait"]);
    await busy.stdout.until("up");
    const before = await project.serverPid();
    const next = await project.run(["run", "a"]);
    assertEquals([next.code, next.stdout], [4, ""]);
    assertStringIncludes(next.stderr, "it is simmer 0.1.0, this is 0.2.0, and it is busy");
    assertEquals(isProcessAlive(before), true);
    await Deno.writeTextFile(`${project.root}/gate`, "opened\n");
    assertEquals([(await busy.finished()).code, busy.stdout.text], [0, "up\nopened\n"]);
    const { code, stdout, stderr } = await project.run(["run", "a"]);
    assertEquals([code, stdout], [0, "a\n"], stderr);
    await untilGone(before, "the old server");
  },
});

Deno.test({
  name: `a stale socket of the previous version is removed${because}`,
  ignore: !isThere,
  fn: async () => {
    await using old = await OldVersion.create();
    await using project = await Project.create({ "deno.json": CONFIG });
    await project.runProgram([...old.words, "run", "-q", "a"]);
    await project.killServer();
    assertEquals((await project.run(["run", "-q", "a"])).stdout, "a\n");
    assertEquals(pathExists(`${project.root}/.simmer/server.sock`), false);
  },
});
