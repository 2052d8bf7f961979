/** Full disks, read-only projects, and exhausted inotify watches. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Finished, Project, SIMMER } from "../e2e/support.ts";

const CONFIG = {
  tasks: {
    a: {
      command: "cat in.txt > out.txt && echo made",
      files: ["in.txt"],
      output: ["out.txt"],
    },
    b: "echo b",
    fail: "echo no >&2 && exit 7",
  },
};

const hasNamespaces = await canMount();

/** Returns whether this user can mount a file system in a namespace. */
async function canMount(): Promise<boolean> {
  try {
    const args = ["-rm", "sh", "-c", "mount -t tmpfs none /mnt"];
    return (await new Deno.Command("unshare", { args, stderr: "null" }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Runs a shell script in its own mount namespace, and returns the results of its steps. */
class Script {
  readonly #project: Project;

  constructor(project: Project) {
    this.#project = project;
  }

  /**
   * Runs the script. `simmer NAME ARGS` is a step. `small FOLDER` mounts a file system of 1 MiB,
   * `fill FOLDER` fills it, and `room FOLDER` frees its space again.
   */
  async run(lines: string): Promise<void> {
    const script = `set -e
step() { name=$1; shift; code=0; "$@" >"$OUT/$name.out" 2>"$OUT/$name.err" || code=$?; echo $code >"$OUT/$name.code"; }
simmer() { name=$1; shift; step "$name" ${SIMMER.map((word) => `'${word}'`).join(" ")} "$@"; }
small() { mkdir -p "$1" && mount -t tmpfs -o size=1m,mode=0755 none "$1"; }
fill() { rm -f "$1/fill"; dd if=/dev/zero of="$1/fill" bs=4k 2>"$OUT/dd" || true; }
room() { rm "$1/fill"; }
export OUT=$PWD TMPDIR=$PWD/tmp
mkdir tmp
trap 'simmer last stop --force' EXIT
${lines}`;
    const { code, stderr } = await this.#project.runProgram(["unshare", "-rm", "sh", "-c", script]);
    assertEquals([code, stderr], [0, ""]);
    assertEquals((await this.step("last")).code, 0);
  }

  /** Returns the result of a step. */
  async step(name: string): Promise<Finished> {
    const [stdout, stderr, code] = await Promise.all(
      ["out", "err", "code"].map((each) => this.#project.read(`${name}.${each}`)),
    );
    return { code: Number(code), stdout: stdout ?? "", stderr: stderr ?? "" };
  }
}

/** Registers a test whose script needs a mount namespace. */
function testScript(name: string, fn: (project: Project, script: Script) => Promise<void>): void {
  Deno.test({
    name: hasNamespaces ? name : `${name} (skipped: no namespaces of one's own here)`,
    ignore: !hasNamespaces,
    fn: async () => {
      await using project = await Project.create({ "deno.json": CONFIG, "in.txt": "1\n" });
      await fn(project, new Script(project));
    },
  });
}

const FULL = "No space left on device";

/** Returns how often `words` occur in `text`. */
function count(text: string, words: string): number {
  return text.split(words).length - 1;
}

testScript(
  "tasks run on a full disk with one warning, and no incomplete result is stored",
  async (project, script) => {
    await script.run(`
    small m; cp deno.json in.txt m; cd m
    export SIMMER_CACHE_DIR=$PWD/cache
    simmer first run a
    cp .simmer/lock ../before
    fill .
    simmer plain run b
    simmer fail run fail
    simmer cached run a
    rm out.txt; fill .
    simmer restored run a
    simmer status status
    room .
    simmer again run a
    cp out.txt ../out.txt
    simmer settled run a
    cp .simmer/lock ../after
    step left find .simmer/staging cache/v1/staging .simmer -maxdepth 1 -name '*.*.*'
    simmer stopped stop
    fill .
    simmer alone run b
    simmer serve serve
    step trace find .simmer -name 'room*'`);
    assertEquals((await script.step("first")).code, 0);
    const plain = await script.step("plain");
    assertEquals([plain.code, plain.stdout], [0, "b\n"], plain.stderr);
    assertEquals(count(plain.stderr, `Cannot record this build: ${FULL}`), 1, plain.stderr);
    assertEquals((await script.step("fail")).code, 7);
    const cached = await script.step("cached");
    assertEquals([cached.code, cached.stdout], [0, ""], cached.stderr);
    const restored = await script.step("restored");
    assertEquals(restored.code, 1, "the task itself has no room");
    assertStringIncludes(restored.stderr, `Cannot restore the outputs of a, so it runs: ${FULL}`);
    assertEquals((await script.step("status")).code, 0);
    assertEquals((await script.step("again")).code, 0);
    assertEquals(await project.read("out.txt"), "1\n");
    assertStringIncludes((await script.step("settled")).stderr, "1 cached");
    assertEquals(await project.read("after"), await project.read("before"), "the same server");
    assertEquals((await script.step("left")).stdout, "");
    const alone = await script.step("alone");
    assertEquals([alone.code, alone.stdout], [0, "b\n"], alone.stderr);
    assertMatch(
      alone.stderr,
      /warning: cannot store state in \S+: No space left.*as with --no-server/,
    );
    const serve = await script.step("serve");
    assertEquals([serve.code, count(serve.stderr, "\n")], [3, 1], serve.stderr);
    assertMatch(serve.stderr, /^simmer: cannot store state in \S+: No space left on device/);
    assertEquals((await script.step("trace")).stdout, "");
  },
);

testScript(
  "a task whose result does not fit into a full cache runs again, and is cached when there is room",
  async (project, script) => {
    await script.run(`
    small cache; export SIMMER_CACHE_DIR=$PWD/cache
    simmer first run b
    fill cache
    simmer full run a
    simmer again run a
    room cache
    simmer room run a
    simmer kept run a
    step stray find cache/v1/staging -type f`);
    for (const name of ["full", "again"]) {
      const { code, stdout, stderr } = await script.step(name);
      assertEquals([code, stdout], [0, "made\n"], stderr);
      assertEquals(count(stderr, `Cannot cache results: ${FULL}`), 1, stderr);
    }
    assertEquals((await script.step("room")).stderr.includes("Cannot cache"), false);
    assertStringIncludes((await script.step("kept")).stderr, "1 cached");
    assertEquals((await script.step("stray")).stdout, "");
    assertEquals(await project.read("out.txt"), "1\n");
  },
);

testScript(
  "tasks in a read-only project run without a server, and leave no temporary files",
  async (project, script) => {
    await script.run(`
    mkdir m; cp deno.json in.txt m; mount --bind m m; mount -o remount,ro,bind m; cd m
    simmer run run b
    simmer alone run --no-server fail
    simmer tasks tasks
    simmer status status
    simmer serve serve
    simmer watch watch b
    simmer detach run --detach b`);
    const run = await script.step("run");
    assertEquals([run.code, run.stdout], [0, "b\n"], run.stderr);
    assertMatch(run.stderr, /warning: cannot store state in \S+: Read-only file system.*\n/);
    const alone = await script.step("alone");
    assertEquals(alone.code, 7);
    assertEquals(count(alone.stderr, "warning"), 0, alone.stderr);
    assertEquals(count(alone.stderr, "log:"), 0, "what is gone is not pointed at");
    assertStringIncludes((await script.step("tasks")).stdout, "fail");
    assertEquals((await script.step("status")).code, 3);
    for (const name of ["serve", "watch", "detach"]) {
      const { code, stderr } = await script.step(name);
      assertEquals([code, count(stderr, "\n")], [3, 1], stderr);
      assertMatch(stderr, /^simmer: cannot store state in \S+: Read-only file system/);
    }
    assertEquals([...Deno.readDirSync(`${project.root}/tmp`)], []);
  },
);

for (const what of ["watches", "instances"] as const) {
  testScript(
    `tasks are cached and rerun correctly without inotify ${what}, and status reports the shortage`,
    async (project, script) => {
      await script.run(`
    echo ${what === "watches" ? 1 : 0} >/proc/sys/user/max_inotify_${what}
    simmer first run a
    simmer cached run a
    echo 2 >in.txt
    simmer changed run a
    simmer status status`);
      assertEquals((await script.step("first")).stdout, "made\n");
      assertStringIncludes((await script.step("cached")).stderr, "1 cached");
      assertEquals((await script.step("changed")).stdout, "made\n");
      assertEquals(await project.read("out.txt"), "2\n");
      const { stdout } = await script.step("status");
      const note = `inotify ${what} are used up (raise sysctl fs.inotify.max_user_${what})`;
      assertStringIncludes(stdout, note);
      assertEquals(stdout.includes("platform"), false, stdout);
    },
  );
}
