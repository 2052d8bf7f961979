/**
 * What a client tells BitBake's server of itself by `updateConfig`: options, environment and
 * command line, as BitBake's own client sends them.
 *
 * The server compares some of it with what the client before has sent, and parses everything again
 * if it differs. A contact of ours therefore sends what the next `bitbake` will send.
 *
 * @module
 */

import { parentFolder, realPath } from "../../system/files/files.ts";
import { PyDict, type PyValue } from "../pickle/mod.ts";

/** The command line on whose behalf BitBake's server is asked. */
export interface Caller {
  /** Its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Its working directory, absolute. */
  readonly cwd: string;
  /** Its words, the program's name first. */
  readonly words: readonly string[];
}

/** What is known of the server before it is asked. */
export interface ServerFacts {
  /** Its socket, absolute; `undefined` if it is reached over XML-RPC. */
  readonly socket: string | undefined;
  /**
   * The environment that its process was started with, if that can be read: the variables of the
   * `bitbake` that started it, as far as the server looks at them.
   */
  readonly environment: Readonly<Record<string, string>> | undefined;
}

/** What a build is asked for. */
export interface BuildOptions {
  readonly force?: boolean | undefined;
  readonly keepGoing?: boolean | undefined;
}

/** BitBake's log level of notes. */
export const NOTE = 20;
/** BitBake's log level of debug messages. */
export const DEBUG = 10;

/** The locale that BitBake's client sets for its server. */
const LOCALE = "en_US.UTF-8";

/** Variables that BitBake's server looks at without being told to. */
const PRESERVED = [
  "BBPATH",
  "BB_PRESERVE_ENV",
  "BB_ENV_PASSTHROUGH_ADDITIONS",
  "BB_TASKHASH",
  "HOME",
  "LOGNAME",
  "PATH",
  "PWD",
  "SHELL",
  "USER",
  "LC_ALL",
  "BBSERVER",
];

/**
 * The arguments of `updateConfig`.
 *
 * @param build absent: nothing is built
 * @param logLevel the least important log record that the server makes
 */
export function updateConfigArguments(
  caller: Caller,
  server: ServerFacts,
  logLevel: number,
  build: BuildOptions | undefined,
): readonly PyValue[] {
  const environment = environmentFor(caller, server);
  const options = optionsOf(environment, logLevel, build);
  return [options, PyDict.from(environment), [...caller.words]];
}

function optionsOf(
  env: Readonly<Record<string, string>>,
  logLevel: number,
  build: BuildOptions | undefined,
): PyDict {
  const { force = false, keepGoing = false } = build ?? {};
  return PyDict.from({
    halt: !keepGoing,
    force,
    invalidate_stamp: null,
    dry_run: false,
    dump_signatures: [],
    extra_assume_provided: [],
    profile: [],
    // A change of these two has the server parse everything again.
    prefile: given(env.BBPRECONF),
    postfile: given(env.BBPOSTCONF),
    server_timeout: env.BB_SERVER_TIMEOUT ?? null,
    nosetscene: false,
    setsceneonly: false,
    skipsetscene: false,
    runall: [],
    runonly: null,
    writeeventlog: build === undefined ? null : env.BBEVENTLOG || null,
    build_verbose_shell: false,
    build_verbose_stdout: false,
    default_loglevel: logLevel,
    debug_domains: new PyDict(),
  });
}

function given(text: string | undefined): string[] {
  return text === undefined ? [] : [text];
}

/**
 * The environment that the next `bitbake` for this server will send, as far as the server looks
 * at it, and the caller's own beyond that.
 *
 * The caller's variables count if its shell is set up for this build directory. In any other shell
 * (`BBPATH` is missing, or names another directory) `bitbake` can't be run for it: the server's own
 * variables stay as they are.
 */
function environmentFor(
  { env, cwd }: Pick<Caller, "env" | "cwd">,
  { socket, environment: theirs = {} }: ServerFacts,
): Record<string, string> {
  if (theirs.BBPATH !== undefined && theirs.BBPATH !== env.BBPATH) {
    return withVariables(env, theirs);
  }
  const own: Record<string, string> = { ...env };
  if (setsLocale(env)) own.LC_ALL = LOCALE;
  const folder = socket === undefined ? undefined : parentFolder(socket);
  const isThere = folder !== undefined && realPath(folder) === realPath(cwd);
  // A link may lead to the folder: the shell's own name for it is the one that BitBake will send.
  const work = theirs.PWD ?? (isThere ? env.PWD : undefined) ?? folder;
  if (work !== undefined) own.PWD = work;
  // What starts Python may put folders before the caller's, as pyenv does: `bitbake` sees those.
  if (env.PATH !== undefined && theirs.PATH?.endsWith(`:${env.PATH}`)) own.PATH = theirs.PATH;
  return own;
}

/** The environment with the server's variables, also with those that the server does not have. */
function withVariables(
  env: Readonly<Record<string, string>>,
  theirs: Readonly<Record<string, string>>,
): Record<string, string> {
  const own: Record<string, string> = { ...env };
  for (const name of approved(theirs)) delete own[name];
  return { ...own, ...theirs };
}

/** BitBake's client sets `LC_ALL` unless it was told to keep the caller's. */
function setsLocale(env: Readonly<Record<string, string>>): boolean {
  if (env.BB_PRESERVE_ENV !== undefined) return false;
  return env.LC_ALL === undefined || approved(env).includes("LC_ALL");
}

/** The names of the variables that BitBake lets through to its server. */
function approved(env: Readonly<Record<string, string>>): string[] {
  const names = env.BB_ENV_PASSTHROUGH === undefined
    ? PRESERVED
    : [...wordsOf(env.BB_ENV_PASSTHROUGH), "BB_ENV_PASSTHROUGH"];
  const more = wordsOf(env.BB_ENV_PASSTHROUGH_ADDITIONS ?? "");
  return [...names, ...more, "BB_ENV_PASSTHROUGH_ADDITIONS"];
}

function wordsOf(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}
