/**
 * Builds the arguments of `updateConfig`: the options, environment and command line that a client
 * sends to BitBake's server, in the form of BitBake's own client.
 *
 * The server compares some of these values with those of the previous client, and parses everything
 * again if they differ. simmer therefore sends the values that the next `bitbake` will send.
 *
 * @module
 */

import { parentFolder, realPath } from "../../system/files/files.ts";
import { PyDict, type PyValue } from "../pickle/mod.ts";

/** The command line that calls BitBake's server. */
export interface Caller {
  readonly env: Readonly<Record<string, string>>;
  /** The working directory, absolute. */
  readonly cwd: string;
  /** The arguments. The first one is the program's name. */
  readonly words: readonly string[];
}

/** Facts about the server that are known before the first call. */
export interface ServerFacts {
  /** The server's socket, absolute. `undefined` if the server is reached over XML-RPC. */
  readonly socket: string | undefined;
  /**
   * The environment that the server's process was started with, if it can be read. It holds the
   * variables of the `bitbake` that started the server, as far as the server uses them.
   */
  readonly environment: Readonly<Record<string, string>> | undefined;
}

/** Options of a build. */
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

/** Variables that BitBake passes to its server by default. */
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
 * Returns the arguments of `updateConfig`.
 *
 * @param build the options of the build that follows; `undefined` if none follows
 * @param logLevel the lowest level of the log records that the server creates
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
    // The server parses everything again if one of these two changes.
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
 * Returns the environment that the next `bitbake` will send to this server, as far as the server
 * uses it. All other variables are the caller's.
 *
 * The caller's variables apply if its shell is set up for this build directory. `bitbake` cannot be
 * run for this directory from any other shell (`BBPATH` is missing, or names another directory). In
 * that case the server keeps its own variables.
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
  // The folder may be reached through a symbolic link. BitBake will send the shell's own path of
  // it.
  const work = theirs.PWD ?? (isThere ? env.PWD : undefined) ?? folder;
  if (work !== undefined) own.PWD = work;
  // A wrapper that starts Python, such as pyenv, may prepend folders to the caller's `PATH`.
  // `bitbake` sees the extended `PATH`.
  if (env.PATH !== undefined && theirs.PATH?.endsWith(`:${env.PATH}`)) own.PATH = theirs.PATH;
  return own;
}

/**
 * Returns the environment with the server's variables. Passed-through variables that the server
 * does not have are removed.
 */
function withVariables(
  env: Readonly<Record<string, string>>,
  theirs: Readonly<Record<string, string>>,
): Record<string, string> {
  const own: Record<string, string> = { ...env };
  for (const name of approved(theirs)) delete own[name];
  return { ...own, ...theirs };
}

/**
 * Returns true if BitBake's client replaces the caller's `LC_ALL`. With `BB_PRESERVE_ENV` it keeps
 * the caller's value.
 */
function setsLocale(env: Readonly<Record<string, string>>): boolean {
  if (env.BB_PRESERVE_ENV !== undefined) return false;
  return env.LC_ALL === undefined || approved(env).includes("LC_ALL");
}

/** Returns the names of the variables that BitBake passes to its server. */
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
