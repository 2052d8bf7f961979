import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { SettledBuilds } from "../../../cooker/settled.ts";
import { macrotask } from "../../../system/macrotask.ts";
import { DirectCooker } from "../direct_cooker.ts";

/** A project with a cooker. */
class Project implements AsyncDisposable {
  readonly root = Deno.realPathSync(Deno.makeTempDirSync());
  cooker = new DirectCooker(this.root);

  constructor(tasks: Readonly<Record<string, unknown>>, files: Readonly<Record<string, string>>) {
    this.configure(tasks);
    for (const [path, text] of Object.entries(files)) this.write(path, text);
  }

  configure(tasks: Readonly<Record<string, unknown>>): void {
    this.write("deno.json", JSON.stringify({ tasks }));
  }

  write(path: string, text: string): void {
    Deno.mkdirSync(`${this.root}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    Deno.writeTextFileSync(`${this.root}/${path}`, text);
  }

  read(path: string): string {
    return Deno.readTextFileSync(`${this.root}/${path}`);
  }

  /** Runs a task, which must succeed, and returns the names of the tasks that hit the cache. */
  async found(target: string, more: Parameters<DirectCooker["run"]>[1] = {}): Promise<string[]> {
    const { exitCode, cached } = await this.cooker.run([target], more);
    assertEquals(exitCode, 0);
    return [...cached];
  }

  /** @param between called while no cooker runs */
  async restart(between: (root: string) => void = () => {}): Promise<void> {
    await this.cooker[Symbol.asyncDispose]();
    between(this.root);
    this.cooker = new DirectCooker(this.root);
  }

  async reasons(
    target: string,
    more: Parameters<DirectCooker["plan"]>[1] = {},
  ): Promise<string[]> {
    const { tasks } = await this.cooker.plan([target], more);
    const task = tasks.find((each) => each.task === target);
    return task?.reasons.map(({ kind, subject }) =>
      subject === undefined ? kind : `${kind} ${subject}`
    ) ??
      [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cooker[Symbol.asyncDispose]();
    Deno.removeSync(this.root, { recursive: true });
  }
}

const COPY = { command: "cat a.txt > b.txt", files: ["a.txt"], output: ["b.txt"] };

Deno.test("a result hits again after an edit is undone, and after a restart", async () => {
  await using project = new Project({ copy: COPY }, { "a.txt": "1" });
  assertEquals(await project.found("copy"), []);
  assertEquals(await project.found("copy"), ["copy"]);
  project.write("a.txt", "2");
  assertEquals(await project.found("copy"), []);
  project.write("a.txt", "1");
  assertEquals(await project.found("copy"), ["copy"]);
  assertEquals(project.read("b.txt"), "1");
  await project.restart();
  Deno.removeSync(`${project.root}/b.txt`);
  assertEquals(await project.found("copy"), ["copy"]);
  assertEquals(project.read("b.txt"), "1");
});

Deno.test("a second checkout hits the results of the first in a shared cache", async () => {
  await using first = new Project({ copy: COPY }, { "a.txt": "1" });
  await using second = new Project({ copy: COPY }, { "a.txt": "1" });
  await first.found("copy");
  await using cooker = new DirectCooker(second.root, { cache: `${first.root}/.simmer/cache` });
  assertEquals((await cooker.run(["copy"])).cached, ["copy"]);
  assertEquals(second.read("b.txt"), "1");
});

Deno.test("declared outputs are part of the key, and a hit removes the outputs of other results", async () => {
  const one = {
    command: "echo x > out/$NAME.txt",
    files: ["a.txt"],
    output: ["out"],
    env: ["NAME"],
  };
  await using project = new Project({ one }, { "a.txt": "1", "out/mine.md": "by hand" });
  const env = (name: string) => ({ env: { PATH: Deno.env.get("PATH") ?? "", NAME: name } });
  await project.found("one", env("x"));
  await project.found("one", env("y"));
  assertEquals(await project.found("one", env("x")), ["one"]);
  const names = [...Deno.readDirSync(`${project.root}/out`)].map(({ name }) => name).sort();
  assertEquals(names.includes("y.txt"), false, "made by the other result");
  project.configure({ one: { ...one, output: ["out", "more"] } });
  assertEquals(await project.found("one", env("x")), []);
});

Deno.test("a result without declared outputs hits only if its run was the task's last", async () => {
  const write = { command: "cat a.txt > b.txt", files: ["a.txt"] };
  await using project = new Project({ write }, { "a.txt": "1" });
  await project.found("write");
  assertEquals(await project.found("write"), ["write"]);
  project.write("a.txt", "2");
  await project.found("write");
  project.write("a.txt", "1");
  assertEquals(await project.found("write"), [], "b.txt is of 2");
  assertEquals(project.read("b.txt"), "1");
});

Deno.test("a result without declared outputs misses after a failed run", async () => {
  const write = { command: "cat a.txt > b.txt && cat c.txt", files: ["a.txt", "c*"] };
  await using project = new Project({ write }, { "a.txt": "1", "c.txt": "" });
  await project.found("write");
  project.write("a.txt", "2");
  Deno.removeSync(`${project.root}/c.txt`);
  assertEquals((await project.cooker.run(["write"])).exitCode, 1);
  project.write("a.txt", "1");
  project.write("c.txt", "");
  assertEquals(await project.found("write"), []);
  assertEquals(project.read("b.txt"), "1");
});

Deno.test("a task runs every time if it or a dependency has no input files", async () => {
  await using project = new Project({
    plain: "echo",
    after: { command: "echo", files: ["a.txt"], dependencies: ["plain"] },
    nothing: { command: "echo", files: ["none/*.txt"] },
    wrong: { command: "echo", files: ["a**"] },
    group: { dependencies: ["plain"] },
    last: { command: "echo", files: ["a.txt"], dependencies: ["group"] },
  }, { "a.txt": "1" });
  for (const name of ["after", "nothing", "wrong", "last"]) {
    await project.found(name);
    assertEquals((await project.found(name)).includes(name), false, name);
  }
  assertEquals(await project.reasons("plain"), ["undeclared"]);
  assertEquals(await project.reasons("after"), ["dependency-uncached plain"]);
  assertEquals(await project.reasons("nothing"), ["no-files"]);
  assertEquals(await project.reasons("wrong"), ["bad-pattern"]);
  assertEquals(await project.reasons("last"), ["dependency-uncached group"]);
});

Deno.test("a task that only runs its dependencies counts for its dependents as they do", async () => {
  await using project = new Project({
    group: { dependencies: ["copy"] },
    copy: COPY,
    last: { command: "echo", files: ["b.txt"], dependencies: ["group"] },
  }, { "a.txt": "1" });
  await project.found("last");
  assertEquals(await project.found("last"), ["copy", "last"]);
  project.write("a.txt", "2");
  assertEquals(await project.found("last"), []);
});

Deno.test("a result is not stored if an input changes while the task runs", async () => {
  const slow = {
    command: "cat a.txt > b.txt && cat next.txt > a.txt",
    files: ["a.txt"],
    output: ["b.txt"],
  };
  await using project = new Project({ slow }, { "a.txt": "1", "next.txt": "2" });
  await project.found("slow");
  project.write("a.txt", "1");
  assertEquals(await project.found("slow"), []);
  project.write("next.txt", "1");
  project.write("a.txt", "1");
  assertEquals(await project.found("slow"), [], "not even if the input is the same afterwards");
});

Deno.test("a task that is cancelled before it starts removes no outputs and stores no result", async () => {
  await using project = new Project({ copy: COPY }, { "a.txt": "1" });
  assertEquals(await project.found("copy"), []);
  project.write("a.txt", "2");
  const { exitCode, ran } = await project.cooker.run(["copy"], {}, "BuildStarted");
  assertEquals([exitCode, ran, project.read("b.txt")], [130, [], "1"]);
  assertEquals(await project.found("copy"), []);
  assertEquals(project.read("b.txt"), "2");
});

Deno.test("a cancelled task stores no result, even if it exits with 0", async () => {
  const polite = { ...COPY, command: "/bin/sh polite.sh" };
  const script = `trap 'exit 0' TERM
if [ -e in-one-go ]; then cat a.txt > b.txt; exit; fi
echo begun
sleep 60 &
wait
`;
  await using project = new Project({ polite }, { "a.txt": "1", "polite.sh": script });
  const { exitCode } = await project.cooker.run(["polite"], {}, "TaskOutput");
  assertEquals(exitCode, 130);
  project.write("in-one-go", "");
  assertEquals(await project.found("polite"), []);
  assertEquals(project.read("b.txt"), "1");
});

Deno.test("a task's outputs are not its inputs, and a task that rewrites its source runs after an edit", async () => {
  const wide = {
    command: "cat src/a.txt > src/made.txt",
    files: ["src/*"],
    output: ["src/made.txt"],
  };
  const format = {
    command: "echo formatted > src/a.txt",
    files: ["src/a.txt"],
    output: ["src/a.txt"],
  };
  await using project = new Project({ wide, format }, { "src/a.txt": "1\n" });
  await project.found("wide");
  assertEquals(await project.found("wide"), ["wide"]);
  await project.found("format");
  project.write("src/a.txt", "unformatted\n");
  assertEquals(await project.found("format"), []);
  assertEquals(project.read("src/a.txt"), "formatted\n");
});

Deno.test("the key has arguments, declared variables and dependencies' results, but no other variables", async () => {
  await using project = new Project({
    copy: { ...COPY, env: ["MODE"] },
    after: { command: "echo", files: ["other.txt"], dependencies: ["copy"] },
  }, { "a.txt": "1", "other.txt": "" });
  const env = (more: Record<string, string>) => ({
    env: { PATH: Deno.env.get("PATH") ?? "", ...more },
  });
  await project.found("after", env({}));
  assertEquals(await project.found("after", env({ OTHER: "x" })), ["copy", "after"]);
  assertEquals(await project.found("after", env({ MODE: "" })), [], "unset is not empty");
  assertEquals(await project.found("after", env({ MODE: "" })), ["copy", "after"]);
  assertEquals(await project.found("after", { ...env({ MODE: "" }), args: ["x"] }), ["copy"]);
  assertEquals(await project.reasons("after", { ...env({ MODE: "x" }), args: ["x"] }), [
    "dependency-runs copy",
  ]);
});

Deno.test("a plan's reasons name the changed arguments, variables and files, but no values of variables", async () => {
  await using project = new Project({
    copy: { ...COPY, files: ["*.txt", "!b.txt"], env: ["MODE"] },
  }, {
    "a.txt": "1",
    "z.txt": "",
  });
  assertEquals(await project.reasons("copy"), ["never-ran"]);
  await project.found("copy");
  assertEquals(await project.reasons("copy"), []);
  project.write("a.txt", "2");
  project.write("new.txt", "");
  Deno.removeSync(`${project.root}/z.txt`);
  const env = { PATH: Deno.env.get("PATH") ?? "", MODE: "secret" };
  const plan = await project.cooker.plan(["copy"], { env, args: ["x"] });
  assertEquals(plan.tasks[0]?.reasons.map(({ text }) => text), [
    'its arguments changed from [] to ["x"]',
    "the variable MODE has a different value",
    "a.txt was changed",
    "new.txt was added",
    "z.txt was removed",
  ]);
  assertEquals(JSON.stringify(plan).includes("secret"), false, "values of variables are not shown");
  assertEquals(await project.reasons("copy", { force: true }), ["forced"]);
  Deno.removeSync(`${project.root}/.simmer/cache`, { recursive: true });
  project.write("a.txt", "1");
  project.write("z.txt", "");
  Deno.removeSync(`${project.root}/new.txt`);
  await project.restart();
  assertEquals(await project.reasons("copy"), ["result-gone"]);
});

Deno.test("--force runs a cached task, which hits again afterwards", async () => {
  await using project = new Project({ copy: COPY }, { "a.txt": "1" });
  await project.found("copy");
  assertEquals(await project.found("copy", { force: true }), []);
  assertEquals(await project.found("copy"), ["copy"]);
});

Deno.test("a cache hit replays all output, only stderr, or nothing, as replayLogs says", async () => {
  const talk = { command: "echo out && echo err >&2", files: ["a.txt"] };
  await using project = new Project({ talk }, { "a.txt": "1" });
  await project.found("talk");
  const printed = async (replayLogs: "full" | "errors" | "none"): Promise<string[]> => {
    const { events } = await project.cooker.run(["talk"], { replayLogs });
    return events.flatMap((event) => event.type === "TaskOutput" ? event.text ?? "" : []);
  };
  assertEquals((await printed("full")).join(""), "out\nerr\n");
  assertEquals((await printed("errors")).join(""), "err\n");
  assertEquals(await printed("none"), []);
});

Deno.test("an unwritable cache does not fail a build, and is logged once", async () => {
  await using project = new Project({ copy: COPY }, { "a.txt": "1", "blocked": "a file" });
  await using cooker = new DirectCooker(project.root, { cache: `${project.root}/blocked` });
  for (let run = 0; run < 2; run++) {
    assertEquals((await cooker.run(["copy"])).exitCode, 0);
  }
  const warnings = cooker.log.messages.filter((text) => text.startsWith("Cannot cache results"));
  assertEquals(warnings.length, 1, cooker.log.messages.join("\n"));
});

Deno.test("a chain of 400 tasks hits, restores changed outputs, and reruns only from a changed task on", async () => {
  const count = 400;
  const names = Array.from({ length: count }, (_, at) => `t${at}`);
  const tasks = Object.fromEntries(names.map((name, at) => [name, {
    command: at === 7 ? "echo seven && cat in.txt > t7.txt" : `cat in.txt > ${name}.txt`,
    files: ["in.txt"],
    output: [`${name}.txt`],
    dependencies: at === 0 ? [] : [`t${at - 1}`],
  }]));
  await using project = new Project(tasks, { "in.txt": "1" });
  const last = `t${count - 1}`;
  assertEquals((await project.cooker.run([last])).ran, names);
  assertEquals(await project.found(last), names);
  assertEquals(await project.found(last), names);
  Deno.removeSync(`${project.root}/t200.txt`);
  project.write("t300.txt", "by hand");
  const { cached, stdout } = await project.cooker.run([last], { replayLogs: "full" });
  assertEquals(cached, names);
  assertEquals([stdout, project.read("t200.txt"), project.read("t300.txt")], ["seven\n", "1", "1"]);
  project.configure({ ...tasks, t100: { ...tasks.t100, command: "cat in.txt in.txt > t100.txt" } });
  const { ran, cached: found } = await project.cooker.run([last]);
  assertEquals(ran, names.slice(100));
  assertEquals(found, names.slice(0, 100));
});

Deno.test("an edited config is announced and used by the next run, and a broken one is an error", async () => {
  await using project = new Project({ a: "echo one" }, {});
  await project.cooker.tick();
  assertEquals((await project.cooker.run(["a"])).stdout, "one\n");
  project.configure({ a: "echo two" });
  await project.cooker.tick();
  const file = `${project.root}/deno.json`;
  assertEquals(project.cooker.events, [{ type: "ConfigChanged", files: [file] }]);
  assertEquals((await project.cooker.run(["a"])).stdout, "two\n");
  project.write("deno.json", '{\n  "tasks": { "a": 7 }\n}');
  const broken = await project.cooker.run(["a"]);
  assertStringIncludes(broken.error?.message ?? "", `${file}:2:19`);
  assertEquals(project.cooker.cooker.state, "error");
  project.configure({ a: "echo three" });
  assertEquals((await project.cooker.run(["a"])).stdout, "three\n");
});

Deno.test({
  name: "inputs and configuration share one inotify queue, which the first run opens (Linux)",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const before = inotifyQueues();
    {
      await using project = new Project({ a: "echo one" }, {});
      assertEquals((await project.cooker.run(["a"])).stdout, "one\n");
      assertEquals(inotifyQueues() - before, 1);
      project.cooker.tick();
      assertEquals(inotifyQueues() - before, 1);
    }
    assertEquals(inotifyQueues(), before);
  },
});

/** Returns the number of inotify queues that this process has open. */
function inotifyQueues(): number {
  return [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${name}`) === "anon_inode:inotify";
    } catch (error) {
      // The descriptor that listed the folder is already closed.
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }).length;
}

Deno.test("a watch reports inputs that changed since its build, but not those that the build wrote", async () => {
  await using project = new Project({
    copy: COPY,
    use: { command: "cat b.txt", files: ["b.txt"], dependencies: ["copy"] },
  }, { "a.txt": "1" });
  const { events } = await project.cooker.run(["use"]);
  const build = events[0]?.type === "BuildStarted" ? events[0].build : "";
  await Promise.resolve();
  project.cooker.watchInputs(["use"], "w1", build);
  for (let tick = 0; tick < 3; tick++) await project.cooker.tick();
  assertEquals(project.cooker.events, []);
  project.write("a.txt", "2");
  await project.cooker.tickUntilEvent();
  const [event] = project.cooker.events;
  assert(event?.type === "InputsChanged");
  assertEquals([event.watch, event.files], ["w1", ["a.txt"]]);
});

Deno.test("a watch of a task without declared files reports any file of its folder", async () => {
  await using project = new Project({ plain: "echo made > made.txt" }, { "a.txt": "1" });
  const { events } = await project.cooker.run(["plain"]);
  const build = events[0]?.type === "BuildStarted" ? events[0].build : "";
  await Promise.resolve();
  project.cooker.watchInputs(["plain"], "w1", build);
  for (let tick = 0; tick < 3; tick++) await project.cooker.tick();
  project.write("b.txt", "new");
  await project.cooker.tickUntilEvent();
  const [event] = project.cooker.events;
  assertEquals(event?.type === "InputsChanged" ? event.files : [], ["b.txt"]);
});

Deno.test("the ready task with the longest chain of dependents starts first", async () => {
  const tasks = {
    short: "echo",
    long: "sh -c ': > begun'",
    before: "echo",
    // Holds its job until `long` has begun, so that `short` cannot begin before it.
    chain: {
      command: "sh -c 'until [ -e begun ]; do sleep 0.01; done'",
      dependencies: ["before"],
    },
    all: { dependencies: ["short", "long", "chain"] },
  };
  const known = new Map(Object.entries({ short: 1, before: 1, long: 100, chain: 200, all: 0 }));
  await using project = new Project(tasks, {});
  await project.cooker.run(["all"], { jobs: 2 });
  await project.restart((root) => {
    const path = `${root}/.simmer/durations.json`;
    const keys = Object.keys(JSON.parse(Deno.readTextFileSync(path)));
    const durations = keys.map((key) => [key, known.get(JSON.parse(key).at(-1))] as const);
    assertEquals(durations.map(([, duration]) => duration).sort(), [...known.values()].sort());
    Deno.writeTextFileSync(path, JSON.stringify(Object.fromEntries(durations)));
    Deno.removeSync(`${root}/begun`);
  });
  const { ran } = await project.cooker.run(["all"], { jobs: 2 });
  assertEquals(ran[0], "before");
  assertEquals(ran.indexOf("short") > ran.indexOf("long"), true, ran.join());
});

Deno.test("a waiting result is stored before the next run needs it, whether watched or not", async () => {
  for (const watched of [false, true]) {
    await using project = new Project({ copy: COPY }, { "a.txt": "1" });
    assertEquals(await project.found("copy"), []);
    assertEquals(await project.found("copy", { watched }), ["copy"]);
    assertEquals(await project.reasons("copy"), []);
  }
});

Deno.test("a failure after a build is logged, and does not affect the next build", async () => {
  const root = Deno.realPathSync(Deno.makeTempDirSync());
  Deno.writeTextFileSync(`${root}/deno.json`, JSON.stringify({ tasks: { a: "echo a" } }));
  {
    const settled = new SettledBuilds();
    settled.note = () => {
      throw new RangeError("cannot be noted");
    };
    await using cooker = new DirectCooker(root, { settled });
    for (let run = 0; run < 2; run++) assertEquals((await cooker.run(["a"])).stdout, "a\n");
    await macrotask();
    assertEquals(cooker.log.messages.length, 2, cooker.log.messages.join("\n"));
    assertStringIncludes(cooker.log.messages[0] ?? "", "work after a build failed: RangeError");
  }
  Deno.removeSync(root, { recursive: true });
});
