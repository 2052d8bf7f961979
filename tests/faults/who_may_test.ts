/** Access by other users of the machine, and secrets that must not be stored. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fileKind, parentFolder } from "../../system/files/files.ts";
import { request } from "../../wire/messages.ts";
import { type Finished, Project } from "../e2e/support.ts";
import { helloParams } from "../server/support.ts";

/** The user id of `nobody` on most systems. */
const OTHER = 65534;

/** A Python that every user can run. */
const PYTHON = "/usr/bin/python3";

const isRoot = Deno.uid() === 0;

const canBeOther = isRoot && fileKind(PYTHON) === "file";

const CONFIG = {
  tasks: {
    show: "echo $MINE > shown.txt",
    login: "LOGIN_PASSWORD=pw-in-config sh -c 'exit 7'",
    deploy: { command: "sh -c true", files: ["in.txt"] },
    cached: {
      command: "cat in.txt > out.txt",
      files: ["in.txt"],
      output: ["out.txt"],
      env: ["MINE"],
    },
  },
};

/** Returns the kind and mode of each entry below a folder, by path. */
function modes(folder: string, found = new Map<string, string>()): Map<string, string> {
  for (const { name } of Deno.readDirSync(folder)) {
    const path = `${folder}/${name}`;
    const { mode, isDirectory } = Deno.lstatSync(path);
    found.set(path, `${isDirectory ? "folder" : "file"} ${((mode ?? 0) & 0o777).toString(8)}`);
    if (isDirectory) modes(path, found);
  }
  return found;
}

/** Returns the contents of all files below a folder, except those below `leftOut`. */
function contents(folder: string, leftOut: readonly string[]): string {
  return [...modes(folder)]
    .filter(([path]) => !leftOut.some((each) => path.startsWith(`${folder}/${each}`)))
    .filter(([path]) => Deno.lstatSync(path).isFile)
    .map(([path]) => `${path}: ${Deno.readTextFileSync(path)}`).join("\n");
}

Deno.test({
  name: "another user cannot use a server, even if its socket and folders are open to all users" +
    (canBeOther ? "" : ` (skipped: only root can be somebody else, and only with ${PYTHON})`),
  ignore: !canBeOther,
  fn: async () => {
    await using project = await Project.create({ "deno.json": CONFIG });
    // Other servers of this user would close a folder that they share.
    const runtime = await Deno.makeTempDir({ prefix: "simmer_e2e_" });
    await using _runtime = {
      [Symbol.asyncDispose]: () => Deno.remove(runtime, { recursive: true }),
    };
    await project.run(["run", "show"], { env: { XDG_RUNTIME_DIR: runtime } });
    const peer = await Deno.readTextFile(new URL("./peer.py", import.meta.url));
    const hello = JSON.stringify(request(1, "hello", helloParams({ role: "operator" })));
    const path = project.socket();
    const asOther = async (): Promise<string> => {
      const user = ["setpriv", `--reuid=${OTHER}`, `--regid=${OTHER}`, "--clear-groups"];
      return (await project.runProgram([...user, PYTHON, "-c", peer, path, hello])).stdout;
    };
    assertEquals(await asOther(), "Permission denied\n");
    // Open the socket and its folders to all users.
    const folder = parentFolder(path);
    for (const each of [runtime, parentFolder(folder), folder, path]) {
      await Deno.chmod(each, 0o777);
    }
    const refusal = await asOther();
    for (const each of [parentFolder(folder), folder]) await Deno.chmod(each, 0o700);
    assertMatch(
      refusal,
      /^{"jsonrpc":"2.0","id":null,"error":{.*user 65534 is not permitted.*}}\n$/,
    );
    const log = await project.read(".simmer/server.log");
    assertStringIncludes(
      log,
      "WARN  Dropping a connection: This server belongs to user 0: user",
    );
    assertEquals((await project.run(["run", "show"])).code, 0);
  },
});

Deno.test({
  name:
    "a state folder that is a link or belongs to another user is not used: tasks run without a server" +
    (isRoot ? "" : " (skipped: only root can be somebody else)"),
  ignore: !isRoot,
  fn: async () => {
    await using project = await Project.create({ "deno.json": CONFIG, "elsewhere/kept": "" });
    const state = `${project.root}/.simmer`;
    const ways = [
      async () => await Deno.symlink(`${project.root}/elsewhere`, state),
      async () => {
        await Deno.mkdir(state, { mode: 0o777 });
        await Deno.chown(state, OTHER, OTHER);
      },
    ];
    const reasons = [/it is a link: remove it/, /it belongs to user 65534, not to user 0/];
    for (const [index, way] of ways.entries()) {
      await way();
      const reason = reasons[index] ?? /never/;
      const run = await project.run(["run", "show"]);
      assertEquals(run.code, 0, run.stderr);
      assertMatch(run.stderr, reason);
      const serve = await project.run(["serve"]);
      assertEquals(serve.code, 3);
      assertMatch(serve.stderr, reason);
      assertEquals(
        [...Deno.readDirSync(state)].map(({ name }) => name),
        index === 0 ? ["kept"] : [],
      );
      await Deno.remove(state, { recursive: true });
    }
  },
});

Deno.test("state files are private even with umask 0, and files of tasks follow the umask", async () => {
  await using project = await Project.create({ "deno.json": CONFIG, "in.txt": "1\n" });
  const open = ["sh", "-c", 'umask 0; exec "$@"', "sh", Deno.execPath(), "run", "-A"];
  const main = new URL("../../main.ts", import.meta.url).pathname;
  for (const task of ["show", "cached", "login"]) {
    await project.runProgram([...open, main, "run", task]);
  }
  const found = modes(`${project.root}/.simmer`);
  for (const [path, mode] of found) {
    if (path.endsWith("/.gitignore")) continue;
    assertMatch(mode, /^(folder 700|file 600)$/, path);
  }
  assertEquals(((await Deno.stat(`${project.root}/shown.txt`)).mode ?? 0) & 0o777, 0o666);
});

Deno.test("neither environment values nor secrets of command lines are stored in .simmer, except in task logs", async () => {
  await using project = await Project.create({
    "deno.json": CONFIG,
    "in.txt": "1\n",
    ".env": "FROM_FILE=value-of-file\n",
  });
  const env = { MINE: "value-of-mine", OTHERS: "value-of-others" };
  const runs: readonly (readonly string[])[] = [
    ["show"],
    ["cached"],
    ["cached"],
    ["login"],
    ["--eval", "API_TOKEN=value-of-eval true"],
    ["show", "--password", "value-of-option"],
    ["deploy", "--", "--password", "value-of-word", "--api-key", "two value-of-words"],
    ["deploy", "--", "--token=value-of-equals", "--client-secret=two value-of-words"],
    ["deploy", "--", "--password", "it's value-of-quote", "-pw", 'say "value-of-quotes"'],
    ["deploy", "--", "-H", "Authorization: Bearer value-of-header", "-u", "me:value-of-pair"],
    ["--eval", 'true --password "it\'s value-of-double" --api-key value-of\\ value-of-escape'],
  ];
  for (const args of runs) {
    await project.run(["run", ...args], { env });
    await project.run(["run", "--no-server", ...args], { env });
  }
  const kept = contents(`${project.root}/.simmer`, ["logs"]);
  assertStringIncludes(kept, "LOGIN_PASSWORD=***");
  assertStringIncludes(kept, "sh -c true '--password' ***");
  assertStringIncludes(kept, '"args":["--token=***","--client-secret=***"]');
  assertEquals(kept.match(/.*(value-of|pw-in)-\w+/g), null);
});

Deno.test("'why' reports a changed secret after '--' without showing its value", async () => {
  await using project = await Project.create({ "deno.json": CONFIG, "in.txt": "1\n" });
  const args = (value: string): string[] => ["deploy", "--", "--password", value];
  await project.run(["run", ...args("first-value")]);
  const same = await project.run(["why", ...args("first-value")]);
  assertStringIncludes(same.stdout, "deploy: cached");
  const why = await project.run(["why", ...args("other-value")]);
  assertStringIncludes(why.stdout, "a value that looks like a secret changed");
  const more = await project.run(["why", ...args("first-value"), "more"]);
  const shown = `its arguments changed from ["--password","***"] to ["--password","***","more"]`;
  assertStringIncludes(more.stdout, shown);
});

Deno.test("simmer status shows the command line of another client without its secrets", async () => {
  await using project = await Project.create({
    "deno.json": { tasks: { wait: "mkfifo pipe && echo ready && sh -c 'cat pipe'" } },
  });
  const running = project.start(["run", "wait", "--", "--password", "two hidden-words"]);
  await running.stdout.until("ready");
  const status = await project.run(["status", "--json"]);
  assertStringIncludes(status.stdout, "simmer run wait -- --password ***");
  assertEquals(status.stdout.includes("hidden"), false);
  running.kill("SIGINT");
  await running.finished();
});

Deno.test({
  name: "another user gets no reply from bitbake.sock, even if its mode is 0666" +
    (canBeOther ? "" : ` (skipped: only root can be somebody else, and only with ${PYTHON})`),
  ignore: !canBeOther || Deno.build.os !== "linux",
  fn: async () => {
    await using project = await Project.create({ "deno.json": CONFIG });
    const serve = project.start(["serve", "--bitbake"]);
    await serve.stderr.until("BitBake: ");
    await Deno.chmod(project.root, 0o755);
    await Deno.chmod(`${project.root}/bitbake.sock`, 0o666);
    const peer = await Deno.readTextFile(new URL("./peer.py", import.meta.url));
    const user = ["setpriv", `--reuid=${OTHER}`, `--regid=${OTHER}`, "--clear-groups"];
    const words = [...user, PYTHON, "-c", peer, `${project.root}/bitbake.sock`, "hello"];
    assertEquals((await project.runProgram(words)).stdout, "");
    await serve.stderr.until(
      `WARN  Dropping a connection to BitBake: This server belongs to user 0: user`,
    );
    serve.kill("SIGTERM");
    assertEquals((await serve.finished()).code, 143);
  },
});

/** Runs simmer as another user with its own home folder. */
class OtherUser implements AsyncDisposable {
  readonly #home: string;

  private constructor(home: string) {
    this.#home = home;
  }

  static async create(): Promise<OtherUser> {
    const home = await Deno.makeTempDir({ prefix: "simmer_home_" });
    const { denoDir } = JSON.parse(await output([Deno.execPath(), "info", "--json"]));
    // The user needs a readable package cache, so that Deno loads nothing from a registry.
    await output(["cp", "-r", `${denoDir}/npm`, `${home}/npm`]);
    await output(["chown", "-R", `${OTHER}:${OTHER}`, home]);
    return new OtherUser(home);
  }

  /** Runs simmer in the project's folder as the other user. */
  async run(project: Project, args: readonly string[]): Promise<Finished> {
    const main = new URL("../../main.ts", import.meta.url).pathname;
    return await project.runProgram([
      ...["setpriv", `--reuid=${OTHER}`, `--regid=${OTHER}`, "--clear-groups"],
      ...[Deno.execPath(), "run", "-A", main, ...args],
    ], { env: { HOME: this.#home, DENO_DIR: this.#home, SIMMER_CACHE_DIR: `${this.#home}/c` } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#home, { recursive: true });
  }
}

async function output([command = "", ...args]: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args }).output();
  const decoder = new TextDecoder();
  assertEquals(success, true, decoder.decode(stderr));
  return decoder.decode(stdout);
}

const OTHERS_PROJECT = {
  tasks: { hello: "echo hello", cached: { command: "cat in.txt", files: ["in.txt"] } },
};

/** Commands that need a server. Each of them must fail with the reason. */
const NEED_SERVER = [
  ["status"],
  ["stop", "--force"],
  ["ping"],
  ["logs"],
  ["events"],
  [
    "serve",
  ],
  ["serve", "--detach"],
  ["run", "--detach", "hello"],
  ["watch", "hello"],
];

Deno.test({
  name: "tasks in another user's project run without a server, with a warning that says why" +
    (canBeOther ? "" : " (skipped: only root can be somebody else)"),
  ignore: !canBeOther,
  fn: async () => {
    await using project = await Project.create({ "deno.json": OTHERS_PROJECT, "in.txt": "1\n" });
    await using other = await OtherUser.create();
    await Deno.chmod(project.root, 0o755);
    assertEquals((await project.run(["run", "hello"])).code, 0);
    const server = await project.serverPid();
    const reason = `cannot store state in ${project.root}/.simmer: ` +
      `it belongs to user 0, not to user ${OTHER}: no server can run`;
    for (const [task, said] of [["hello", "hello\n"], ["cached", "1\n"]] as const) {
      const { code, stdout, stderr } = await other.run(project, ["run", task]);
      assertEquals([code, stdout], [0, said], stderr);
      assertStringIncludes(stderr, `${reason}; the tasks run in this process, as with --no-server`);
    }
    for (const question of [["tasks"], ["why", "cached"], ["graph", "hello"]]) {
      const { code, stderr } = await other.run(project, question);
      assertEquals(code, 0, `${question}: ${stderr}`);
    }
    const refused = await Promise.all(NEED_SERVER.map((args) => other.run(project, args)));
    for (const [index, { code, stderr }] of refused.entries()) {
      const args = NEED_SERVER[index];
      assertEquals(code, 3, `${args}: ${stderr}`);
      assertStringIncludes(stderr, reason.replace(": no server can run", ""));
      assertEquals(stderr.trim().split("\n").length, 1, `one line: ${stderr}`);
    }
    assertEquals(await project.serverPid(), server, "the owner's server is left alone");
  },
});

Deno.test({
  name:
    "another user's unreadable folder or config is reported, and with an unreadable lock or outer config tasks run without a server" +
    (canBeOther ? "" : " (skipped: only root can be somebody else)"),
  ignore: !canBeOther,
  fn: async () => {
    const config = { tasks: { hello: "echo hello" } };
    await using project = await Project.create({
      "closed/deno.json": config,
      "unreadable/deno.json": config,
      "outer/deno.json": { workspace: ["in"], ...config },
      "outer/in/deno.json": config,
      "locked/deno.json": config,
      "locked/.simmer/lock": "1\n",
      "deno.json": config,
    });
    await using other = await OtherUser.create();
    const at = (path: string): string => `${project.root}/${path}`;
    await Deno.chmod(project.root, 0o755);
    await Deno.chmod(at("closed"), 0o700);
    await Deno.chmod(at("unreadable/deno.json"), 0o600);
    await Deno.chmod(at("outer/deno.json"), 0o600);
    await Deno.chmod(at("locked/.simmer/lock"), 0o600);
    for (const path of ["locked", "locked/.simmer"]) await Deno.chown(at(path), OTHER, OTHER);
    const table = [
      [5, ["--cwd", at("closed")], `${at("closed")}: permission denied`],
      [5, ["--config", at("closed/deno.json")], `${at("closed/deno.json")}: permission denied`],
      [5, ["--cwd", at("unreadable")], `${at("unreadable/deno.json")}: permission denied`],
      [0, ["--cwd", at("outer/in")], "as with --no-server"],
      [0, ["--cwd", at("locked")], "as with --no-server"],
    ] as const;
    for (const [expected, place, said] of table) {
      const { code, stderr } = await other.run(project, ["run", ...place, "hello"]);
      assertEquals(code, expected, stderr);
      assertStringIncludes(stderr, said);
    }
  },
});
