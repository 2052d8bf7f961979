/** Servers and installed clients of the versions before this one. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { isProcessAlive } from "../../system/process/processes.ts";
import { pathExists } from "../../system/files/path_exists.ts";
import { VERSION } from "../../wire/version.ts";
import { hasPerl, Project, untilGone } from "./support.ts";

/**
 * Older versions, with the last commit of each. The sockets of 0.1.0 are inside the project. 0.2.0
 * speaks protocol 1 and runs one build at a time.
 */
const RELEASES = { "0.1.0": "d29d3e1", "0.2.0": "fce92c9" } as const;

const REPOSITORY = new URL("../..", import.meta.url).pathname;

/** Returns true if the repository has a commit. A shallow clone may not have it. */
async function hasCommit(commit: string): Promise<boolean> {
  const git = new Deno.Command("git", {
    args: ["-C", REPOSITORY, "cat-file", "-e", `${commit}^{commit}`],
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

const isThere = {
  "0.1.0": await hasCommit(RELEASES["0.1.0"]),
  "0.2.0": await hasCommit(RELEASES["0.2.0"]),
};

/** An older version in a folder of its own. `words` run it. */
class OldVersion implements AsyncDisposable {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async create(version: keyof typeof RELEASES): Promise<OldVersion> {
    const folder = await Deno.makeTempDir({ prefix: "simmer_old_" });
    const script = 'git -C "$0" archive "$1" | tar -x -C "$2"';
    const { success } = await new Deno.Command("sh", {
      args: ["-c", script, REPOSITORY, RELEASES[version], folder],
    }).output();
    assertEquals(success, true);
    return new OldVersion(folder);
  }

  /** Path of its entry point. */
  get main(): string {
    return `${this.#folder}/main.ts`;
  }

  get words(): string[] {
    return [Deno.execPath(), "run", "-A", this.main];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}

const CONFIG = { tasks: { a: "echo a", wait: "echo up && cat gate" } };

/** Registers a test with an older version. */
function upgradeTest(
  name: string,
  version: keyof typeof RELEASES,
  prove: (old: OldVersion, project: Project) => Promise<void>,
  isAble = true,
): void {
  const because = isThere[version]
    ? isAble ? "" : " (skipped: there is no Perl)"
    : ` (skipped: this clone has no commit ${RELEASES[version]})`;
  Deno.test({
    name: `${name}${because}`,
    ignore: because !== "",
    fn: async () => {
      await using old = await OldVersion.create(version);
      await using project = await Project.create({ "deno.json": CONFIG });
      await prove(old, project);
    },
  });
}

for (const version of ["0.1.0", "0.2.0"] as const) {
  const title = `R24 an idle server of ${version} is recognised and replaced`;
  upgradeTest(title, version, async (old, project) => {
    assertEquals((await project.runProgram([...old.words, "run", "-q", "a"])).stdout, "a\n");
    const before = await project.serverPid();
    assertEquals(pathExists(`${project.root}/.simmer/server.sock`), version === "0.1.0");
    const status = await project.run(["status"]);
    assertStringIncludes(status.stdout, `simmer ${version}, pid ${before}`);
    const run = await project.run(["run", "a"]);
    assertEquals([run.code, run.stdout], [0, "a\n"], run.stderr);
    assertStringIncludes(
      run.stderr,
      `restarting the server (pid ${before}): it is simmer ${version}`,
    );
    await untilGone(before, "the old server");
    for (const name of ["server.sock", "express.sock"]) {
      assertEquals(pathExists(`${project.root}/.simmer/${name}`), false, name);
    }
    const after = await project.serverPid();
    assertEquals((await project.run(["run", "-q", "a"])).stdout, "a\n");
    assertEquals(await project.serverPid(), after);
  });
}

for (const version of ["0.1.0", "0.2.0"] as const) {
  const title = `R24 a busy server of ${version} completes its build before it is replaced`;
  upgradeTest(title, version, async (old, project) => {
    await project.runProgram(["mkfifo", "gate"]);
    const busy = project.startProgram([...old.words, "run", "-q", "wait"]);
    await busy.stdout.until("up");
    const before = await project.serverPid();
    const next = await project.run(["run", "a"]);
    assertEquals([next.code, next.stdout], [4, ""]);
    assertStringIncludes(
      next.stderr,
      `it is simmer ${version}, this is ${VERSION}, and it is busy`,
    );
    assertEquals(isProcessAlive(before), true);
    await Deno.writeTextFile(`${project.root}/gate`, "opened\n");
    assertEquals([(await busy.finished()).code, busy.stdout.text], [0, "up\nopened\n"]);
    const { code, stdout, stderr } = await project.run(["run", "a"]);
    assertEquals([code, stdout], [0, "a\n"], stderr);
    await untilGone(before, "the old server");
  });
}

upgradeTest("a stale socket of 0.1.0 is removed", "0.1.0", async (old, project) => {
  await project.runProgram([...old.words, "run", "-q", "a"]);
  await project.killServer();
  assertEquals((await project.run(["run", "-q", "a"])).stdout, "a\n");
  assertEquals(pathExists(`${project.root}/.simmer/server.sock`), false);
});

upgradeTest(
  "R24 the quick client that 0.2.0 has installed leaves a new server to the whole client",
  "0.2.0",
  async (old, project) => {
    await project.runProgram([...old.words, "install", "--dir", "bin"]);
    const path = `${project.root}/bin/simmer`;
    const script = await project.read("bin/simmer");
    assertStringIncludes(script, "quick client 0.2.0");
    // As after an upgrade in place: the script names the same path, which now has the new version.
    const main = new URL("main.ts", `file://${REPOSITORY}`).pathname;
    await project.write("bin/simmer", script.replaceAll(old.main, main));
    await Deno.chmod(path, 0o755);
    const starts = await project.runProgram([path, "run", "-q", "a"]);
    assertEquals([starts.code, starts.stdout], [0, "a\n"], starts.stderr);
    const server = await project.serverPid();
    const status = await project.run(["status"]);
    assertStringIncludes(status.stdout, `simmer ${VERSION}, pid ${server}`);
    const { code, stdout, stderr } = await project.runProgram([path, "run", "-q", "a"]);
    assertEquals([code, stdout, stderr], [0, "a\n", ""]);
    assertEquals(await project.serverPid(), server);
  },
  hasPerl(),
);
