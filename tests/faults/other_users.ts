/**
 * Creates two user accounts for a test, and runs simmer as one of them.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { fileKind } from "../../system/files/files.ts";

const PYTHON = "/usr/bin/python3";
const SERVER = new URL("./foreign_server.py", import.meta.url).pathname;
const SOURCES = new URL("../../", import.meta.url).pathname;

/** Returns whether other users can reach a path. */
function isOpen(path: string): boolean {
  for (let each = path; each !== ""; each = each.slice(0, each.lastIndexOf("/"))) {
    if (((Deno.statSync(each).mode ?? 0) & 0o001) === 0) return false;
  }
  return true;
}

const TOOLS = ["/usr/sbin/useradd", "/usr/sbin/userdel", "/usr/bin/setpriv", PYTHON];
const missing = TOOLS.find((path) => fileKind(path) !== "file");

/** The reason why a test cannot create users; `undefined` if it can. */
export const noUsers: string | undefined = Deno.build.os !== "linux"
  ? "not Linux"
  : Deno.uid() !== 0
  ? "only root can make users"
  : missing !== undefined
  ? `no ${missing}`
  : isOpen(Deno.execPath())
  ? undefined
  : "other users cannot run this Deno";

async function succeed(command: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args }).output();
  assert(success, `${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

/** A process of another user that listens on a server's sockets. */
export class ForeignServer implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #reader: ReadableStreamDefaultReader<string>;
  #isEnded = false;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  static async start(uid: number, lock: string, ...sockets: string[]): Promise<ForeignServer> {
    const child = new Deno.Command(PYTHON, {
      args: [SERVER, String(uid), lock, ...sockets],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const server = new ForeignServer(child);
    assertEquals(await server.#line(), "listening");
    return server;
  }

  /** Ends the process. @returns its report of the connections and bytes that it got */
  async end(): Promise<string> {
    this.#isEnded = true;
    await this.#child.stdin.close();
    const report = await this.#line();
    await this.#reader.cancel();
    await this.#child.status;
    return report;
  }

  async #line(): Promise<string> {
    let text = "";
    while (!text.endsWith("\n")) {
      const { value } = await this.#reader.read();
      if (value === undefined) break;
      text += value;
    }
    return text.trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isEnded) await this.end();
  }
}

/** Two users, and a folder that both can write to, like `/tmp`. */
export class OtherUsers implements AsyncDisposable {
  readonly folder: string;
  /** Id of the user that listens. */
  readonly listener: number;
  /** Id of the user that runs simmer. */
  readonly client: number;
  readonly #resources: AsyncDisposableStack;

  private constructor(folder: string, uids: readonly number[], resources: AsyncDisposableStack) {
    this.folder = folder;
    this.#resources = resources;
    [this.listener = -1, this.client = -1] = uids;
  }

  static async create(): Promise<OtherUsers> {
    const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "simmer_users_" }));
    await using stack = new AsyncDisposableStack();
    stack.defer(() => Deno.remove(folder, { recursive: true }));
    const uids: number[] = [];
    for (const each of ["a", "b"]) {
      const name = `simmer-t-${Deno.pid}-${each}`;
      await succeed("/usr/sbin/useradd", "--no-create-home", "--user-group", name);
      stack.defer(async () => void await succeed("/usr/sbin/userdel", "--force", name));
      uids.push(Number(await succeed("id", "-u", name)));
    }
    await copyProgram(folder, uids[1] ?? -1);
    await Deno.chmod(folder, 0o1777);
    return new OtherUsers(folder, uids, stack.move());
  }

  /** Makes a folder that belongs to a user. */
  async folderOf(uid: number, path: string, mode: number): Promise<string> {
    return await ownedFolder(`${this.folder}/${path}`, uid, mode);
  }

  /** Writes a file that belongs to a user. */
  async fileOf(uid: number, path: string, text: string): Promise<void> {
    await Deno.writeTextFile(`${this.folder}/${path}`, text);
    await Deno.chown(`${this.folder}/${path}`, uid, uid);
  }

  /** Runs `simmer` as the client's user. */
  async simmer(
    cwd: string,
    ...args: string[]
  ): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
    const home = `${this.folder}/home`;
    const { code, stdout, stderr } = await new Deno.Command("/usr/bin/setpriv", {
      args: [
        ...[`--reuid=${this.client}`, `--regid=${this.client}`, "--clear-groups"],
        ...[Deno.execPath(), "run", "-A", `${this.folder}/program/main.ts`, ...args],
      ],
      cwd,
      clearEnv: true,
      env: {
        PATH: "/usr/bin:/bin",
        HOME: home,
        DENO_DIR: `${home}/deno`,
        NO_COLOR: "1",
        SECRET: "of the client",
      },
      stdin: "null",
    }).output();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

async function ownedFolder(path: string, uid: number, mode: number): Promise<string> {
  await Deno.mkdir(path);
  await Deno.chmod(path, mode);
  await Deno.chown(path, uid, uid);
  return path;
}

/** Copies this project and Deno's cache for a user that cannot read them. */
async function copyProgram(folder: string, uid: number): Promise<void> {
  const home = await ownedFolder(`${folder}/home`, uid, 0o700);
  const program = await ownedFolder(`${folder}/program`, uid, 0o755);
  const { denoDir } = JSON.parse(await succeed(Deno.execPath(), "info", "--json"));
  await Deno.mkdir(`${home}/deno`);
  await succeed("cp", "-r", `${denoDir}/npm`, `${home}/deno/npm`);
  for await (const { name } of Deno.readDir(SOURCES)) {
    if (name.startsWith(".") || name === "node_modules" || name === "tests") continue;
    await succeed("cp", "-r", `${SOURCES}${name}`, `${program}/${name}`);
  }
  await succeed("chown", "-R", `${uid}:${uid}`, home, program);
}
