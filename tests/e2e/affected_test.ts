import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type Finished, Project } from "./support.ts";

const member = (imports: readonly string[], files: readonly string[] | undefined) => ({
  scripts: { build: "echo b", test: "echo t" },
  dependencies: Object.fromEntries(imports.map((each) => [each, "workspace:*"])),
  simmer: {
    tasks: {
      build: { ...(files === undefined ? {} : { files }), dependencies: ["^build"] },
      ...(files === undefined ? {} : { test: { files } }),
    },
  },
});

const FILES = {
  ".gitignore": "node_modules\n.simmer\nignored\n",
  "package.json": { name: "root", workspaces: ["*"], scripts: { release: "echo" } },
  "app/package.json": { name: "app", ...member(["lib"], ["src"]) },
  "app/src/x": "1",
  "app/README": "1",
  "lib/package.json": { name: "lib", ...member([], ["src", "!src/*.md"]) },
  "lib/src/x": "1",
  "lib/src/x.md": "1",
  "plain/package.json": { name: "plain", ...member([], undefined) },
};

/** Runs git, with nothing of the machine's own config. */
async function git(project: Project, ...args: readonly string[]): Promise<Finished> {
  const config = ["user.name=t", "user.email=t@example.org", "init.defaultBranch=main"]
    .flatMap((each) => ["-c", each]);
  const end = await project.runProgram(["git", ...config, ...args], {
    env: { GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_SYSTEM: "/dev/null" },
  });
  assertEquals(end.code, 0, end.stderr);
  return end;
}

async function repository(): Promise<Project> {
  const project = await Project.create(FILES);
  await git(project, "init", "-q");
  await git(project, "add", ".");
  await git(project, "commit", "-qm", "first");
  return project;
}

/** Returns the ids of the tasks that a run would execute or take from the cache. */
async function planned(project: Project, ...args: readonly string[]): Promise<string[]> {
  const { code, stdout, stderr } = await project.run([
    "run",
    "--no-server",
    "-n",
    "--json",
    ...args,
  ]);
  assertEquals(code, 0, stderr);
  return stdout.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line).task);
}

const hasGit = (await new Deno.Command("git", { args: ["--version"] }).output()).success;

Deno.test({
  name: "--affected runs tasks with changed inputs since the merge base, and what depends on them",
  ignore: !hasGit,
  fn: async () => {
    await using project = await repository();
    const affected = (...args: readonly string[]): Promise<string[]> =>
      planned(project, "--affected", ...args);
    assertEquals(await affected("build"), []);
    // A file that no task reads affects only tasks that declare no inputs.
    await project.write("app/README", "2");
    await project.write("ignored", "2");
    assertEquals(await affected("build", "test"), []);
    await project.write("plain/new", "1");
    assertEquals(await affected("build"), ["plain#build"]);
    await project.write("app/src/x", "2");
    // The dependency is not affected, but app#build needs it.
    assertEquals(await affected("build"), ["lib#build", "app#build", "plain#build"]);
    assertEquals(await affected("test"), ["app#test", "plain#test"]);
    assertEquals(await affected("test", "--filter", "app"), ["app#test"]);
    await git(project, "checkout", "-qb", "feature");
    await git(project, "add", ".");
    await git(project, "commit", "-qm", "second");
    assertEquals(await affected("test"), ["app#test", "plain#test"]);
    assertEquals(await planned(project, "--affected=HEAD", "test"), []);
    // Changes of the base since the branch began do not count.
    await git(project, "checkout", "-q", "main");
    await project.write("lib/src/x", "2");
    await git(project, "commit", "-qam", "third");
    await git(project, "checkout", "-q", "feature");
    assertEquals(await affected("test"), ["app#test", "plain#test"]);
    assertEquals(await planned(project, "--filter", "[main]", "test"), [
      "lib#test",
      "app#test",
      "plain#test",
    ]);
    assertEquals(await planned(project, "--filter", "[main...feature]", "-n", "test"), [
      "app#test",
      "plain#test",
    ]);
    // All files of an imported package are inputs, but not of its own tasks.
    await project.write("lib/src/x.md", "2");
    assertEquals(await planned(project, "--affected=HEAD", "test"), ["app#test"]);
    await git(project, "checkout", "-q", "lib/src/x.md");
    // An imported package's input is an input, and a config file is one of its tasks.
    await Deno.remove(`${project.root}/lib/src/x`);
    assertEquals(await planned(project, "--affected=HEAD", "test"), ["lib#test", "app#test"]);
    await git(project, "checkout", "-q", "lib/src/x");
    await project.write("plain/package.json", { ...FILES["plain/package.json"], version: "2.0.0" });
    assertEquals(await planned(project, "--affected=HEAD", "test"), ["plain#test"]);
  },
});

Deno.test({
  name: "--affected says what it compares with, and runs nothing if nothing differs",
  ignore: !hasGit,
  fn: async () => {
    await using project = await repository();
    const run = (env: Readonly<Record<string, string>>, ...args: readonly string[]) =>
      project.run(["run", "--no-server", ...args], { env });
    const none = await run({}, "--affected", "test");
    assertEquals([none.code, none.stdout], [0, ""]);
    assertStringIncludes(none.stderr, "simmer: nothing differs from main\n");
    await git(project, "branch", "release");
    await git(project, "update-ref", "refs/remotes/origin/release", "HEAD");
    await git(project, "checkout", "-qb", "topic");
    await project.write("app/src/x", "2");
    const inCI = { GITHUB_BASE_REF: "release" };
    assertStringIncludes(
      (await run(inCI, "--affected", "test")).stderr,
      "simmer: 1 file differs from origin/release\n",
    );
    await project.write("event.json", `{"before": "${(await head(project)).trim()}"}`);
    const pushed = { GITHUB_EVENT_PATH: `${project.root}/event.json` };
    assertStringIncludes((await run(pushed, "--affected", "test")).stderr, "2 files differ from ");
  },
});

async function head(project: Project): Promise<string> {
  return (await git(project, "rev-parse", "HEAD")).stdout;
}

Deno.test({
  name: "--affected and filters say what is wrong with a revision, a clone or a filter",
  ignore: !hasGit,
  fn: async () => {
    await using project = await repository();
    const fails = async (folder: string, ...args: readonly string[]): Promise<string> => {
      const { code, stderr } = await project.run(["run", "--no-server", ...args], { folder });
      assertEquals(code, 2, stderr);
      assert(!/^ *at /m.test(stderr), stderr);
      return stderr;
    };
    assertStringIncludes(
      await fails("", "--affected=mian", "test"),
      "--affected: git does not know the revision 'mian'; did you mean 'main'?",
    );
    assertStringIncludes(
      await fails("", "--affected=--output=x", "test"),
      "git does not know the revision '--output=x'",
    );
    assertStringIncludes(
      await fails("", "--filter", "[mian]", "test"),
      "[mian]: git does not know",
    );
    assertStringIncludes(
      await fails("", "--filter", "a[b", "test"),
      "invalid filter 'a[b': expected",
    );
    await project.write("app/src/x", "2");
    await git(project, "checkout", "-qb", "topic");
    await git(project, "commit", "-qam", "second");
    await git(project, "clone", "-q", "--depth=1", `file://${project.root}`, "shallow");
    assertStringIncludes(
      await fails("shallow", "--affected=main", "test"),
      "the clone is shallow: run 'git fetch --unshallow'",
    );
    await Deno.rename(`${project.root}/.git`, `${project.root}/hidden`);
    assertStringIncludes(
      await fails("", "--affected", "test"),
      "--affected needs a git repository: not a git repository",
    );
  },
});

Deno.test({
  name:
    "--affected without a workspace asks the named tasks, and a task of a root may read any file",
  ignore: !hasGit,
  fn: async () => {
    await using project = await Project.create({
      "deno.json": {
        workspace: ["./lib"],
        tasks: {
          gen: { command: "echo", files: ["schema.txt"] },
          build: { command: "echo", files: ["src"], dependencies: ["gen"] },
          lint: "echo",
        },
      },
      "schema.txt": "1",
      "src/x": "1",
      "lib/deno.json": { name: "@x/lib", tasks: { own: "echo" } },
    });
    await git(project, "init", "-q");
    await git(project, "add", ".");
    await git(project, "commit", "-qm", "first");
    const affected = (): Promise<string[]> =>
      planned(project, "--affected=HEAD", "gen", "build", "lint", "own");
    await project.write("schema.txt", "2");
    assertEquals(await affected(), ["gen", "build", "lint"]);
    await git(project, "checkout", "-q", ".");
    await project.write("lib/new", "1");
    assertEquals(await affected(), ["lint", "@x/lib#own"]);
  },
});

Deno.test("filters select packages in any run, and one that matches none is an error with the nearest", async () => {
  await using project = await Project.create(FILES);
  assertEquals(await planned(project, "--filter", "app...", "test"), ["lib#test", "app#test"]);
  assertEquals(await planned(project, "-f", "!app", "-f", "!plain", "test"), ["lib#test"]);
  const { code, stderr } = await project.run(["run", "--no-server", "-f", "lob...", "test"]);
  assertEquals(code, 5);
  assertStringIncludes(stderr, "No package matches the filter 'lob...'; did you mean 'lib'?");
  const listed = await project.run(["tasks", "--filter", "./plain"]);
  assertEquals(
    listed.stdout,
    "Available tasks (plain):\n- plain#build (package.json, declared by simmer in package.json:10)\n" +
      "    echo b\n    depends on: ^build\n- plain#test (package.json)\n    echo t\n",
  );
});
