import { assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { Project, SIMMER } from "../e2e/support.ts";

const CONFIG = { tasks: { a: "echo a", lines: "sh -c 'seq 1 1000000'" } };

/** An `flock` that fails as on a file system without locks. */
const NO_LOCKS = "#include <errno.h>\nint flock(int fd, int op) { errno = ENOLCK; return -1; }\n";

/** Returns whether a program succeeds; `false` if it is not installed. */
function works(command: string, ...args: string[]): boolean {
  try {
    return new Deno.Command(command, { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

const hasCompiler = works("cc", "--version");
const hasNamespaces = works("unshare", "-rmpf", "true");

Deno.test({
  name: "tasks on a file system without locks run without a server, with a warning that says why" +
    (hasCompiler ? "" : " (skipped: there is no cc)"),
  ignore: !hasCompiler,
  fn: async () => {
    await using project = await Project.create({ "deno.json": CONFIG, "no_locks.c": NO_LOCKS });
    const compile = ["cc", "-shared", "-fPIC", "-o", "no_locks.so", "no_locks.c"];
    assertEquals((await project.runProgram(compile)).code, 0);
    const env = { LD_PRELOAD: `${project.root}/no_locks.so` };
    // The first round has no lock file. The second one has the file that the first one made.
    for (let round = 0; round < 2; round++) {
      const { code, stdout, stderr } = await project.run(["run", "a"], { env });
      assertEquals([code, stdout], [0, "a\n"], stderr);
      assertMatch(stderr, /warning: cannot lock \S+: its file system has no locks/);
    }
    const meant = await project.run(["run", "--no-server", "a"], { env });
    assertEquals([meant.code, meant.stderr.includes("warning")], [0, false]);
    for (const args of [["serve"], ["watch", "a"], ["run", "--detach", "a"]]) {
      const { code, stderr } = await project.run(args, { env });
      assertEquals(code, 3, stderr);
      assertMatch(stderr, /^simmer: cannot lock \S+: its file system has no locks: .*\n$/);
    }
    assertMatch((await project.run(["status"], { env })).stdout, /^No server runs/);
  },
});

Deno.test({
  name: "simmer run in a container without /proc exits with 3 and a one-line error" +
    (hasNamespaces ? "" : " (skipped: no namespaces of one's own here)"),
  ignore: !hasNamespaces,
  fn: async () => {
    await using project = await Project.create({ "deno.json": CONFIG });
    const hidden = 'mount -t tmpfs none /proc && exec "$@"';
    const words = ["unshare", "-rmpf", "sh", "-c", hidden, "sh", ...SIMMER, "run", "a"];
    const { code, stderr } = await project.runProgram(words);
    assertEquals(code, 3);
    assertMatch(
      stderr,
      /^simmer: cannot find simmer's own executable: \/proc is not mounted; .*\n$/,
    );
  },
});

Deno.test({
  name:
    "R24 a client does not use a server in another container or with other mounts, and runs the " +
    "tasks itself" +
    (hasNamespaces ? "" : " (skipped: no namespaces of one's own here)"),
  ignore: !hasNamespaces,
  fn: async () => {
    const where = { tasks: { where: "sh -c 'readlink /proc/self/ns/mnt'" } };
    await using project = await Project.create({ "deno.json": where });
    const outside = await project.run(["run", "where"]);
    const inside = ["unshare", "-rmpf", "--mount-proc"];
    for (const container of [inside, ["unshare", "-rm"]]) {
      for (const words of [SIMMER, wholeClient()]) {
        const here = await project.runProgram([...container, ...words, "run", "where"]);
        assertEquals(here.code, 0, here.stderr);
        assertNotEquals(here.stdout, outside.stdout);
        assertStringIncludes(
          here.stderr,
          "runs in another container; the tasks run in this process, as with --no-server",
        );
      }
    }
    const detached = await project.runProgram([...inside, ...SIMMER, "run", "--detach", "where"]);
    assertEquals(detached.code, 4, detached.stderr);
    assertEquals((await project.run(["run", "where"])).stdout, outside.stdout);
  },
});

/** Returns the words that run the whole client, which sends no command line to a server. */
function wholeClient(): string[] {
  return SIMMER.map((word) => word.replace(/main\.ts$/, "cli.ts"));
}

Deno.test("a reader that closes the pipe ends the run with exit code 141, and the server keeps running", async () => {
  await using project = await Project.create({ "deno.json": CONFIG });
  assertEquals((await project.run(["run", "a"])).code, 0);
  const pid = await project.serverPid();
  for (const words of [SIMMER, wholeClient()]) {
    const script = `{ "$@"; echo "exit $?" >&2; } | head -n 2`;
    const all = ["sh", "-c", script, "sh", ...words, "run", "-q", "lines"];
    const { stdout, stderr } = await project.runProgram(all);
    assertEquals([stdout, stderr], ["1\n2\n", "exit 141\n"]);
  }
  assertEquals((await project.run(["run", "a"])).stdout, "a\n");
  assertEquals(await project.serverPid(), pid);
});
