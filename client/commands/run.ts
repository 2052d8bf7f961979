/**
 * `simmer run`: the main job. What it loads is what every warm run pays for.
 *
 * @module
 */

import type { ByteStream } from "../../system/streams.ts";
import type { RunTasksInput } from "../../wire/commands.ts";
import type { ParsedArguments, ValuesFor } from "../arguments.ts";
import { UsageError } from "../arguments.ts";
import { runBuild } from "../build.ts";
import { defineCommand } from "../command.ts";
import { type Invocation, type LocalServer, workFolder } from "../invocation.ts";
import {
  findServer,
  reachServer,
  type ServerPlace,
  serverPlace,
  type StartOptions,
} from "../launcher.ts";
import { PlainRenderer } from "../render/plain.ts";
import type { Renderer } from "../render/renderer.ts";
import { isSet, styleFor } from "../render/style.ts";
import { serverTimeout, TIMEOUT_OPTION } from "../timeout.ts";

const OPTIONS = [
  {
    name: "jobs",
    letter: "j",
    alias: "concurrency",
    kind: "number",
    value: "jobs",
    min: 1,
    summary: "tasks at once; default: DENO_JOBS, or the number of processors",
  },
  {
    name: "keep-going",
    letter: "k",
    kind: "flag",
    summary: "go on with what does not depend on a failed task",
  },
  { name: "force", kind: "flag", summary: "run even what is cached" },
  { name: "eval", kind: "flag", summary: "the words are one shell command, not task names" },
  { name: "if-present", kind: "flag", summary: "do nothing where a task does not exist" },
  { name: "no-prefix", kind: "flag", summary: "show output as it is, without task names" },
  {
    name: "env-file",
    kind: "list",
    value: "file",
    fallback: ".env",
    summary: "add the variables of a file that are not set already; default: .env",
  },
  { name: "detach", kind: "flag", summary: "print the build's id and leave; the build goes on" },
  {
    name: "busy",
    kind: "choice",
    choices: ["wait", "refuse", "observe"],
    summary: "while another client has the server; default: wait",
  },
  { name: "no-server", kind: "flag", summary: "run in this process, without a server" },
  TIMEOUT_OPTION,
] as const;

type Parsed = ParsedArguments<ValuesFor<typeof OPTIONS>>;

/** The command. */
export const command = defineCommand({
  name: "run",
  usage: "[TASK…] [-- ARG…]",
  summary: "Run tasks, their dependencies first",
  about: [
    "Tasks are those of deno.json, or the scripts of package.json. Without one, they are listed.\n" +
    "What stands behind '--' is given to the last task; before it, simmer's own options may stand\n" +
    "anywhere, also behind task names.",
    "A server is started where none runs. With CI set in the environment that happens only where\n" +
    "one runs already; else the tasks run in this process, as with --no-server.",
  ],
  options: OPTIONS,
  words: { min: 0, max: Infinity },
  takesRest: true,
  examples: [
    ["simmer run build test", "run two tasks, side by side if they are independent"],
    ["simmer run test -- --filter x", "give arguments to a task"],
    ["simmer run -j1 -k ci", "one at a time, and go on after a failure"],
  ],
}, run);

async function run(invocation: Invocation, parsed: Parsed): Promise<number> {
  const { values, words } = parsed;
  if (words.length === 0 && !values.eval) {
    const { listTasks } = await import("./tasks.ts");
    return await listTasks(invocation, values);
  }
  const commandLine = words.join(" ").trim();
  if (values.eval && commandLine === "") {
    throw new UsageError("[TASK] must be specified when using --eval");
  }
  const place = serverPlace(invocation, values);
  const renderer = await rendererFor(invocation, values);
  const input = await inputOf(invocation, parsed, renderer);
  const local = new Local(invocation, place, values);
  try {
    return await runBuild(invocation, {
      place,
      input,
      whenBusy: values.busy ?? "wait",
      ...(values["log-level"] === undefined ? {} : { logLevel: values["log-level"] }),
      renderer,
      timeoutSeconds: serverTimeout(invocation, values),
      reach: (start) => local.reach(start),
    });
  } finally {
    await local.ended();
  }
}

/** Decides whether the tasks run in this process, and has them run there. */
class Local {
  readonly #invocation: Invocation;
  readonly #place: ServerPlace;
  readonly #values: Parsed["values"];
  #server: LocalServer | undefined;

  constructor(invocation: Invocation, place: ServerPlace, values: Parsed["values"]) {
    this.#invocation = invocation;
    this.#place = place;
    this.#values = values;
  }

  /** Resolves when nothing of the server in this process is left. */
  async ended(): Promise<void> {
    await this.#server?.ended;
  }

  /** Gets to a server: the one that runs, one that is started, or one in this process. */
  async reach(start: StartOptions): Promise<ByteStream> {
    const { env } = this.#invocation;
    if (this.#values["no-server"]) return await this.#serve();
    const isCI = isSet(env.CI) && env.CI !== "false" && !this.#values.detach;
    if (isCI && this.#place.socket === undefined) {
      const found = await findServer(this.#place);
      if (found.kind === "running") return found.stream;
      if (found.kind === "none") {
        found.lock?.release();
        return await this.#serve();
      }
    }
    return await reachServer(this.#place, start);
  }

  async #serve(): Promise<ByteStream> {
    await this.ended();
    this.#server = await this.#invocation.serveLocally(this.#place.project);
    return this.#server.stream;
  }
}

async function inputOf(
  invocation: Invocation,
  { values, words, rest }: Parsed,
  renderer: Renderer,
): Promise<RunTasksInput> {
  const jobs = values.jobs ?? jobsOf(invocation.env.DENO_JOBS);
  return {
    tasks: values.eval ? [words.join(" ")] : [...words],
    args: [...rest],
    cwd: invocation.cwd,
    ...(values.cwd === undefined ? {} : { taskCwd: workFolder(invocation, values) }),
    env: await environmentOf(invocation, values, renderer),
    ...(jobs === undefined ? {} : { jobs }),
    eval: values.eval,
    ifPresent: values["if-present"],
    force: values.force,
    keepGoing: values["keep-going"],
    detach: values.detach,
    ...(values.detach ? {} : { stdinPid: invocation.pid }),
    client: { pid: invocation.pid, command: invocation.commandLine },
  };
}

/** As `deno task` does, what `DENO_JOBS` says wrongly is passed over. */
function jobsOf(text: string | undefined): number | undefined {
  return text !== undefined && /^[1-9]\d{0,5}$/.test(text) ? Number(text) : undefined;
}

async function environmentOf(
  invocation: Invocation,
  values: Parsed["values"],
  renderer: Renderer,
): Promise<Record<string, string>> {
  const { env, terminal } = invocation;
  const { color } = values;
  const isColorful = color === "always" || (color !== "never" && terminal.stdout);
  const isDecided = "NO_COLOR" in env || "FORCE_COLOR" in env;
  const colors = isColorful && !isDecided ? { FORCE_COLOR: "1" } : {};
  const files: Record<string, string>[] = [];
  for (const name of values["env-file"]) {
    const { readEnvFile } = await import("../../system/env_file.ts");
    const path = name.startsWith("/") ? name : `${workFolder(invocation, values)}/${name}`;
    const variables = readEnvFile(path);
    if (variables === undefined) renderer.say(`warning: there is no env file ${path}`);
    else files.push(variables);
  }
  return { ...colors, ...Object.assign({}, ...files), ...env };
}

async function rendererFor(invocation: Invocation, values: Parsed["values"]): Promise<Renderer> {
  const { env, terminal, output: sink, clock } = invocation;
  const { quiet, color } = values;
  if (values.json) {
    const { JsonRenderer } = await import("../render/json.ts");
    return new JsonRenderer(sink, quiet);
  }
  const options = {
    sink,
    styles: {
      stdout: styleFor({ color, env, isTerminal: terminal.stdout }),
      stderr: styleFor({ color, env, isTerminal: terminal.stderr }),
    },
    quiet,
    prefix: !values["no-prefix"],
    logLevel: values["log-level"] ?? "warn",
  };
  const isLive = terminal.stdout && terminal.stderr && !quiet && !isSet(env.CI);
  if (!isLive || env.TERM === "dumb") {
    const isOneScreen = terminal.stdout && terminal.stderr;
    return new PlainRenderer({ ...options, isOneScreen });
  }
  const { TerminalRenderer } = await import("../render/terminal.ts");
  return new TerminalRenderer({ ...options, clock, columns: () => terminal.columns() });
}
