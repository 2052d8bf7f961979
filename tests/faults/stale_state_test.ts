import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fileKind, parentFolder, removeTree } from "../../system/files/files.ts";
import { pathExists } from "../../system/files/path_exists.ts";
import { isProcessAlive } from "../../system/process/processes.ts";
import { processesIn, Project, untilGone } from "../e2e/support.ts";
import { Random, seed } from "./random.ts";

const CONFIG = { tasks: { hello: "echo hello", hold: "echo started && cat gate" } };

/** Runs a task, and checks that it succeeds at the first attempt. */
async function runs(project: Project, where: string): Promise<void> {
  const { code, stdout, stderr } = await project.run(["run", "hello"]);
  assertEquals([code, stdout], [0, "hello\n"], `${where}: ${stderr}`);
}

/** Returns the process ids of the servers in a folder. */
async function serversIn(folder: string): Promise<number[]> {
  const all = await processesIn(folder);
  return all.filter(({ words }) => words.includes(" serve ")).map(({ pid }) => pid);
}

/** Creates a socket file without a listener. Returns its path. */
function deadSocket(path: string): string {
  const listener = Deno.listen({ transport: "unix", path: `${path}.made` });
  Deno.renameSync(`${path}.made`, `${path}.dead`);
  listener.close();
  return `${path}.dead`;
}

/** Returns all paths below a folder, sorted; `undefined` if the folder does not exist. */
function below(folder: string): string[] | undefined {
  if (fileKind(folder) === undefined) return undefined;
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const inside = isDirectory ? below(`${folder}/${name}`) ?? [] : [];
    return [name, ...inside.map((path) => `${name}/${path}`)];
  }).sort();
}

/** Creates a folder outside of the project for the cache, which other tests have inside. */
async function outside(): Promise<
  AsyncDisposable & { readonly path: string; readonly env: Record<string, string> }
> {
  const path = await Deno.makeTempDir({ prefix: "simmer_outside_" });
  return {
    path,
    env: { SIMMER_CACHE_DIR: `${path}/cache` },
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

/** Starts an unrelated process, which ends with its disposal. */
function bystander(): AsyncDisposable & { readonly pid: number } {
  const child = new Deno.Command("sleep", { args: ["600"], stdin: "null" }).spawn();
  return {
    pid: child.pid,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await child.status;
    },
  };
}

/** Returns the process id of a process that has ended. */
async function deadPid(): Promise<number> {
  const child = new Deno.Command("true").spawn();
  await child.status;
  return child.pid;
}

Deno.test("a stale lock file does not prevent a start, whatever its contents, and no other process is killed", async () => {
  await using project = await Project.create({ "deno.json": CONFIG });
  await using other = bystander();
  const random = new Random(seed());
  const binary = Uint8Array.from({ length: 4096 }, () => random.below(256));
  const contents: readonly (readonly [string, string | Uint8Array])[] = [
    ["a dead process", `${await deadPid()}\n`],
    ["the process id of another program", `${other.pid}\n`],
    ["a program's id and addresses", `${other.pid} 127.0.0.1:1 unix:/nowhere/sock\n`],
    ["an empty file", ""],
    ["not a number", "NaN unix:\n"],
    ["the process id -1, which means every process", "-1\n"],
    ["binary data", binary],
    ["8 MiB", "7".repeat(8 << 20)],
  ];
  for (const [what, content] of contents) {
    await Deno.mkdir(`${project.root}/.simmer`, { recursive: true, mode: 0o700 });
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await Deno.writeFile(`${project.root}/.simmer/lock`, bytes);
    const status = await project.run(["status"]);
    assertEquals(status.code, 3, `${what}: ${status.stderr}`);
    await Deno.writeFile(`${project.root}/.simmer/lock`, bytes);
    const stop = await project.run(["stop", "--force"]);
    assertEquals(stop.code, 0, `${what}: ${stop.stderr}`);
    await Deno.writeFile(`${project.root}/.simmer/lock`, bytes);
    await runs(project, what);
    assertEquals(await serversIn(project.root), [await project.serverPid()], what);
    await project.killServer();
  }
  assert(isProcessAlive(other.pid));
});

Deno.test("a server replaces a file, link, empty folder or dead socket at its socket's path, but not a folder with files", async () => {
  await using project = await Project.create({ "deno.json": CONFIG });
  await runs(project, "at first");
  const path = project.socket();
  await project.killServer();
  const makes: readonly (readonly [string, () => void])[] = [
    ["a file", () => Deno.writeTextFileSync(path, "no socket\n")],
    ["a dangling link", () => Deno.symlinkSync("/nowhere/sock", path)],
    ["a link to itself", () => Deno.symlinkSync(path, path)],
    ["an empty folder", () => Deno.mkdirSync(path)],
    ["a socket without a listener", () => Deno.renameSync(deadSocket(path), path)],
    ["a missing parent folder", () => removeTree(parentFolder(path))],
  ];
  for (const [what, make] of makes) {
    removeTree(path);
    make();
    await runs(project, what);
    await project.killServer();
  }
  removeTree(path);
  await Deno.mkdir(path);
  await Deno.writeTextFile(`${path}/file`, "somebody's");
  const { code, stderr } = await project.run(["run", "hello"]);
  assertEquals(code, 3, stderr);
  assertStringIncludes(stderr, "server.sock: it is a folder that is not empty; remove it");
  assertEquals(await serversIn(project.root), []);
  removeTree(path);
  await runs(project, "in the end");
});

Deno.test("a server removes the sockets and folders of older versions, but not a folder with files at a socket's path", async () => {
  await using project = await Project.create({
    "deno.json": CONFIG,
    ".simmer/express.sock/file": "somebody's",
    ".simmer/aside/out.txt": "unfinished",
  });
  await Deno.chmod(`${project.root}/.simmer`, 0o700);
  const old = `${project.root}/.simmer/server.sock`;
  await Deno.rename(deadSocket(old), old);
  await runs(project, "with an old socket");
  assertEquals([old, `${project.root}/.simmer/aside`].filter(pathExists), []);
  assertEquals(await project.read(".simmer/express.sock/file"), "somebody's");
});

const LIVE: Readonly<Record<string, (path: string) => Promise<void>>> = {
  removed: (path) => Deno.remove(path),
  "replaced by a file": async (path) => {
    await Deno.remove(path);
    await Deno.writeTextFile(path, "no socket\n");
  },
  "replaced by a folder": async (path) => {
    await Deno.remove(path);
    await Deno.mkdir(path);
  },
  "replaced by a link": async (path) => {
    await Deno.remove(path);
    await Deno.symlink("/nowhere/sock", path);
  },
};

Deno.test("a server whose socket is removed or replaced ends, and the next run starts a new one", async () => {
  await Promise.all(
    Object.entries(LIVE).map(async ([what, change]) => {
      await using project = await Project.create({ "deno.json": CONFIG });
      await runs(project, "at first");
      const first = await project.serverPid();
      await change(project.socket());
      await runs(project, what);
      await untilGone(first, "the server without sockets");
      assertEquals(await serversIn(project.root), [await project.serverPid()]);
    }),
  );
});

for (const what of ["removed", "renamed"]) {
  Deno.test(`a server whose state folder is ${what} ends, and does not write to the next server's folder`, async () => {
    await using project = await Project.create({ "deno.json": CONFIG });
    const state = `${project.root}/.simmer`;
    await runs(project, "at first");
    const first = await project.serverPid();
    if (what === "removed") await Deno.remove(state, { recursive: true });
    else await Deno.rename(state, `${state}.old`);
    await runs(project, "afterwards");
    const second = await project.serverPid();
    await untilGone(first, "the server without a place");
    assertEquals(await serversIn(project.root), [second]);
    const left = below(state)?.filter((name) => name.includes(`-${first}-`));
    assertEquals(left, [], "the first server has written into the second one's folder");
    await runs(project, "in the end");
    assertEquals(await project.serverPid(), second);
  });
}

Deno.test("a build completes if its project's state folder is removed", async () => {
  await using project = await Project.create({ "deno.json": CONFIG });
  await new Deno.Command("mkfifo", { args: [`${project.root}/gate`] }).output();
  const run = project.start(["run", "hold", "hello"]);
  await run.stdout.until("started");
  const first = await project.serverPid();
  await Deno.remove(`${project.root}/.simmer`, { recursive: true });
  // The server takes no new commands from then on, so the next run starts another server.
  const next = project.start(["run", "hello"]);
  assertEquals((await next.finished()).code, 0);
  await Deno.writeTextFile(`${project.root}/gate`, "opened\n");
  const { code, stdout, stderr } = await run.finished();
  assertEquals(code, 0, stderr);
  for (const line of ["started", "opened", "hello"]) assertStringIncludes(stdout, line);
  await untilGone(first, "the server without a place");
});

Deno.test("a watcher continues with a new server if its project's state folder is removed", async () => {
  await using project = await Project.create({ "deno.json": CONFIG });
  const watch = project.start(["watch", "hello"]);
  await watch.stderr.until("watching for changes");
  await Deno.remove(`${project.root}/.simmer`, { recursive: true });
  await watch.stderr.until("Starting a new server.");
  await watch.stdout.until("hello\nhello\n");
  watch.kill("SIGTERM");
  assertEquals((await watch.finished()).code, 143);
});

Deno.test("the old folder of a project is not created again if the project is renamed while it is watched", async () => {
  await using project = await Project.create({ "deno.json": CONFIG });
  await using elsewhere = await outside();
  const { env } = elsewhere;
  const watch = project.start(["watch", "hello"], { env });
  await watch.stdout.until("hello\n");
  const first = await project.serverPid();
  const moved = `${project.root}-moved`;
  await Deno.rename(project.root, moved);
  // A change makes the watcher run again, in a folder that no longer exists.
  await Deno.writeTextFile(`${moved}/deno.json`, JSON.stringify(CONFIG, null, 4));
  await untilGone(first, "the server of the old place");
  const { stdout, stderr } = await watch.finished();
  const left = below(project.root);
  // Move the project back, so that its disposal can remove it.
  if (left !== undefined) await Deno.rename(project.root, `${elsewhere.path}/left`);
  await Deno.rename(moved, project.root);
  assertEquals(left, undefined, `${stdout}${stderr}`);
  await runs(project, "back in its place");
});

Deno.test("a renamed project and another project at its old path have a server each", async () => {
  await using one = await Project.create({ "deno.json": { tasks: { hello: "echo one" } } });
  await using two = await Project.create({ "deno.json": { tasks: { hello: "echo two" } } });
  await using elsewhere = await outside();
  const { env } = elsewhere;
  const place = two.root;
  assertEquals((await two.run(["run", "hello"], { env })).stdout, "two\n");
  const first = await two.serverPid();
  await Deno.rename(place, `${place}-moved`);
  await Deno.rename(one.root, place);
  const before = below(place);
  await untilGone(first, "the server of the old place");
  assertEquals(below(place), before, "something was written into the old place");
  const folder = "../" + `${place}-moved`.slice(place.lastIndexOf("/") + 1);
  const [there, here] = [
    await two.run(["run", "hello"], { env, folder }),
    await two.run(["run", "hello"], { env }),
  ];
  assertEquals([there.stdout, here.stdout], ["two\n", "one\n"], there.stderr + here.stderr);
  assertEquals((await two.run(["stop"], { env, folder })).code, 0);
  assertEquals((await two.run(["stop"], { env })).code, 0);
  await Deno.rename(place, one.root);
  await Deno.rename(`${place}-moved`, place);
});

Deno.test("a server whose project is removed ends, and does not create any of its files again", async () => {
  await using elsewhere = await outside();
  const { env, path } = elsewhere;
  const project = await Project.create({ "deno.json": CONFIG });
  const run = await project.run(["run", "hello"], { env });
  assertEquals(run.code, 0, run.stderr);
  const pid = await project.serverPid();
  await Deno.remove(project.root, { recursive: true });
  await untilGone(pid, "the removed project's server");
  assertEquals(below(project.root), undefined);
  assertEquals(below(`${path}/cache/servers`), [], "it is still registered");
});
