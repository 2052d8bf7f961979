/** The cache folder: its owner, its mode, and its selection by the client's environment. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fileKind } from "../../../system/files/files.ts";
import { type Finished, Project } from "../../e2e/support.ts";

const CONFIG = {
  tasks: {
    make: {
      command: "cat in.txt > out.txt && echo made",
      files: ["in.txt"],
      output: ["out.txt"],
    },
    after: {
      command: "cat out.txt out.txt > last.txt",
      files: ["out.txt"],
      output: ["last.txt"],
      dependencies: ["make"],
    },
  },
};

const FILES = { "deno.json": CONFIG, "in.txt": "1\n" };

/** The missing requirement of tests with another user; `undefined` if they can run. */
const lacking = Deno.uid() !== 0
  ? "only root can make users"
  : ["/usr/sbin/useradd", "/usr/bin/setpriv"].find((path) => fileKind(path) !== "file");

const reason = lacking === undefined ? "" : ` (skipped: ${lacking})`;

/** A user account that exists for one test. */
class OtherUser implements AsyncDisposable {
  readonly uid: number;
  readonly #name: string;
  readonly #project: Project;

  private constructor(name: string, uid: number, project: Project) {
    this.#name = name;
    this.uid = uid;
    this.#project = project;
  }

  static async create(project: Project): Promise<OtherUser> {
    const name = `simmer-t-${crypto.randomUUID().slice(0, 8)}`;
    const made = await project.runProgram(["/usr/sbin/useradd", "--no-create-home", name]);
    assertEquals(made.code, 0, made.stderr);
    const { stdout } = await project.runProgram(["id", "-u", name]);
    return new OtherUser(name, Number(stdout), project);
  }

  /** Runs a shell command line as this user. */
  async does(words: string): Promise<void> {
    const user = ["setpriv", `--reuid=${this.uid}`, `--regid=${this.uid}`, "--clear-groups"];
    const { code, stderr } = await this.#project.runProgram([...user, "sh", "-c", words]);
    assertEquals(code, 0, stderr);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#project.runProgram(["/usr/sbin/userdel", this.#name]);
  }
}

/** A folder that every user can write to. */
class Common implements AsyncDisposable {
  readonly path = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "simmer_common_" }));

  constructor() {
    Deno.chmodSync(this.path, 0o777);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Deno.remove(this.path, { recursive: true });
  }
}

function isCached({ code, stderr, stdout }: Finished): boolean {
  assertEquals(code, 0, stderr);
  const isRun = stdout.includes("made");
  assert(isRun !== stderr.includes("cached"), `${stdout}${stderr}`);
  return !isRun;
}

function modeOf(path: string): number {
  return (Deno.lstatSync(path).mode ?? 0) & 0o7777;
}

function names(path: string): string[] {
  return Array.from(Deno.readDirSync(path), ({ name }) => name).sort();
}

Deno.test({
  name: `another user's cache folder is not used, and each command names its owner${reason}`,
  ignore: lacking !== undefined,
  fn: async () => {
    await using project = await Project.create(FILES);
    await using common = await Promise.resolve(new Common());
    await using other = await OtherUser.create(project);
    const cache = `${common.path}/cache`;
    await other.does(`mkdir ${cache} && chmod 777 ${cache} && mkdir ${cache}/servers`);
    const env = { SIMMER_CACHE_DIR: cache };
    const whose = `${cache} belongs to user ${other.uid}, not to user 0`;
    for (const options of [[], [], ["--no-server"]]) {
      const run = await project.run(["run", ...options, "make"], { env });
      assertEquals([run.code, run.stdout], [0, "made\n"]);
      assertStringIncludes(run.stderr, `Cannot cache results: the cache is not used: ${whose}`);
    }
    const clean = await project.run(["clean", "--all"], { env });
    assertEquals(clean.code, 4);
    assertEquals(clean.stderr, `simmer: the cache is not used: ${whose}\n`);
    const status = await project.run(["status", "--all"], { env });
    assertEquals(status.code, 4);
    assertStringIncludes(status.stderr, whose);
    assertEquals([names(cache), names(`${cache}/servers`)], [["servers"], []]);
  },
});

Deno.test({
  name:
    `another user's link in the cache path is not followed, but the user's own links are${reason}`,
  ignore: lacking !== undefined,
  fn: async () => {
    await using project = await Project.create(FILES);
    await using common = await Promise.resolve(new Common());
    await using other = await OtherUser.create(project);
    const disk = `${common.path}/disk`;
    await Deno.mkdir(`${disk}/cache`, { recursive: true });
    await other.does(`ln -s ${disk} ${common.path}/theirs`);
    await Deno.symlink("disk", `${common.path}/ours`);
    await Deno.symlink("cache", `${disk}/linked`);
    const theirs = { SIMMER_CACHE_DIR: `${common.path}/theirs/cache` };
    const run = await project.run(["run", "make"], { env: theirs });
    assertEquals(run.code, 0, run.stderr);
    assertMatch(run.stderr, /theirs, on the way to .*, is a link of user \d+, not of user 0/);
    assertEquals(names(`${disk}/cache`), []);
    const ours = { SIMMER_CACHE_DIR: `${common.path}/ours/linked` };
    assertEquals(isCached(await project.run(["run", "make"], { env: ours })), false);
    await Deno.remove(`${project.root}/out.txt`);
    assertEquals(isCached(await project.run(["run", "make"], { env: ours })), true);
    assertEquals(names(`${disk}/cache`).includes("v1"), true);
  },
});

Deno.test("the mode of the user's own cache is set to 0700, whether the cache is empty or has results", async () => {
  await using project = await Project.create(FILES);
  await using common = await Promise.resolve(new Common());
  const cache = `${common.path}/cache`;
  const env = { SIMMER_CACHE_DIR: cache };
  await Deno.mkdir(cache);
  await Deno.chmod(cache, 0o777);
  await project.run(["run", "--no-server", "make"], { env });
  assertEquals([modeOf(cache), modeOf(`${cache}/v1`)], [0o700, 0o700]);
  for (const folder of [cache, `${cache}/v1`, `${cache}/v1/results`]) {
    await Deno.chmod(folder, 0o777);
  }
  assertEquals(isCached(await project.run(["run", "--no-server", "make"], { env })), true);
  for (const folder of [cache, `${cache}/v1`, `${cache}/v1/results`]) {
    assertEquals(modeOf(folder), 0o700, folder);
  }
});

Deno.test("a folder with other files keeps its mode if SIMMER_CACHE_DIR names it", async () => {
  await using project = await Project.create(FILES);
  await using common = await Promise.resolve(new Common());
  await Deno.writeTextFile(`${common.path}/file`, "");
  const env = { SIMMER_CACHE_DIR: common.path };
  for (const mode of [0o1777, 0o775]) {
    await Deno.chmod(common.path, mode);
    const run = await project.run(["run", "--no-server", "make"], { env });
    assertMatch(
      run.stderr,
      /the cache is not used: other users can write to .*: run 'chmod go-w' on it/,
    );
    assertEquals([modeOf(common.path), names(common.path)], [mode, ["file"]]);
  }
  await Deno.chmod(common.path, 0o755);
  for (const isThere of [false, true]) {
    assertEquals(isCached(await project.run(["run", "--no-server", "make"], { env })), isThere);
    assertEquals([modeOf(common.path), modeOf(`${common.path}/v1`)], [0o755, 0o700]);
  }
});

Deno.test("each run uses the cache folder that its client's environment names", async () => {
  await using project = await Project.create(FILES);
  await using common = await Promise.resolve(new Common());
  const unset = { SIMMER_CACHE_DIR: "", XDG_CACHE_HOME: "", HOME: "" };
  const places: readonly (readonly [Record<string, string>, string])[] = [
    [{ ...unset, SIMMER_CACHE_DIR: `${common.path}/a` }, `${common.path}/a`],
    [{ ...unset, XDG_CACHE_HOME: `${common.path}/b` }, `${common.path}/b/simmer`],
    [{ ...unset, HOME: `${common.path}/c` }, `${common.path}/c/.cache/simmer`],
  ];
  let pid: number | undefined;
  for (const [env, folder] of places) {
    // The output of the previous run is in the working tree, but not in this run's cache.
    const why = await project.run(["why", "make"], { env });
    assertStringIncludes(why.stdout, "would run");
    assertEquals(isCached(await project.run(["run", "make"], { env })), false, folder);
    pid ??= await project.serverPid();
    // `why` waits until deferred results are stored.
    await project.run(["why", "make"], { env });
    assertEquals(names(`${folder}/v1/results`).length, 1, folder);
  }
  for (let round = 0; round < 2; round++) {
    for (const [env, folder] of places) {
      if (round > 0) await Deno.remove(`${project.root}/out.txt`);
      assertEquals(isCached(await project.run(["run", "make"], { env })), true, folder);
    }
  }
  const [[env] = [{}]] = places;
  const clean = await project.run(["clean", "--all"], { env });
  assertStringIncludes(clean.stdout, `${common.path}/a: 1 results`);
  await Deno.remove(`${project.root}/out.txt`);
  const cached: boolean[] = [];
  for (const [each] of places) {
    cached.push(isCached(await project.run(["run", "make"], { env: each })));
  }
  assertEquals(cached, [false, true, true]);
  assertEquals(
    isCached(await project.run(["run", "make"], { env: unset })),
    false,
    "no place at all",
  );
  assertEquals(await project.serverPid(), pid, "one server did all of it");
});

Deno.test("deferred results are stored in the cache of the run that made them", async () => {
  await using project = await Project.create(FILES);
  await using common = await Promise.resolve(new Common());
  const [a = "", b = ""] = ["a", "b"].map((name) => `${common.path}/${name}`);
  // Each run is the first one in its cache. The server stores deferred results when it stops.
  await project.run(["run", "after"], { env: { SIMMER_CACHE_DIR: a } });
  await project.run(["run", "make"], { env: { SIMMER_CACHE_DIR: b } });
  await project.run(["stop"]);
  const counts = [a, b].map((folder) => names(`${folder}/v1/tasks`).length);
  assertEquals(counts, [2, 1]);
  for (const [folder, task] of [[a, "after"], [b, "make"]] as const) {
    for (const name of ["out.txt", "last.txt"]) {
      if (fileKind(`${project.root}/${name}`)) await Deno.remove(`${project.root}/${name}`);
    }
    const env = { SIMMER_CACHE_DIR: folder };
    assertEquals(isCached(await project.run(["run", task], { env })), true, task);
  }
  // Stop the server, because it may still use the cache folder, which is removed first.
  await project.run(["stop"]);
});
