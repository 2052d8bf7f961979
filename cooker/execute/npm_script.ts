/**
 * Runs scripts as `npm run` does: the command line for a POSIX shell, and the variables that depend
 * on the installed programs.
 *
 * @module
 */

import { MANAGER_LOCKFILES } from "../../project/manager_lockfiles.ts";
import { NotReadableError, readBoundedText } from "../../system/files/bounded_text.ts";
import { joinPath, parentFolder, realPath } from "../../system/files/files.ts";
import { pathExists } from "../../system/files/path_exists.ts";
import {
  fileState,
  findProgram,
  isExecutable,
  nodePlatform,
} from "../../system/process/find_program.ts";
import { runTool } from "../../system/process/tool.ts";
import type { TaskCommand } from "./executor.ts";
import { npmBinFolders, pathBehind } from "./node_modules.ts";

/** Settings of a script that runs as with `npm run`. */
export interface NpmScript {
  /** The folder of the project's lockfile, absolute. */
  readonly root: string;
  /** The package manager that the project names, with a version if it is exact. */
  readonly manager?: { readonly name: string; readonly version?: string };
  /** The `script-shell` of the settings. Default: `sh`. */
  readonly shell?: string;
  /** Identifies the shell and Node. Cached results depend on it. */
  readonly identity: string;
}

/** Timeout for asking Node for its version, in milliseconds. */
const VERSION_MS = 5000;

/** Maximum size of the `package.json` of a package manager, in bytes. */
const MAX_BYTES = 1024 * 1024;

/** Characters for which npm quotes an argument. */
const QUOTED = /[\t\n\r "#$&'()*;<>?\\`|~]/;

/** Returns the command line of a script with its arguments, quoted as npm does. */
export function scriptLine({ command, args }: Pick<TaskCommand, "command" | "args">): string {
  return [command, ...args.map(quoted)].join(" ");
}

/** A word without any special meaning for a shell. */
const PLAIN = /^[A-Za-z0-9_.\/@%+=:,-]+$/;

/** Shells whose `exec` replaces the shell by a program. */
const POSIX = /(?:^|\/)(?:sh|ash|dash|bash|ksh|zsh)$/;

/** Words that a shell may not take for the name of a program. */
const BUILTINS: ReadonlySet<string> = new Set(
  (". : [ alias bg break builtin case cd chdir command continue coproc declare dirs disown do done " +
    "echo elif else enable esac eval exec exit export false fc fg fi for function getopts hash help " +
    "history if in jobs kill let local logout mapfile popd printf pushd pwd read readonly return " +
    "select set shift shopt source suspend test then time times trap true type typeset ulimit umask " +
    "unalias unset until wait while").split(" "),
);

/**
 * Returns true if a script only starts one program. A shell that stays the parent of the program would
 * end at once by a signal that the program handles. Some shells replace themselves by such a program.
 *
 * @param path the script's PATH
 */
export function startsProgram(
  { command, cwd, npm }: Pick<TaskCommand, "command" | "cwd" | "npm">,
  path: string,
): boolean {
  const [name = "", ...words] = command.trim().split(/[ \t]+/);
  if (!POSIX.test(npm?.shell ?? "sh") || BUILTINS.has(name) || name.includes("=")) return false;
  if (!PLAIN.test(name) || !words.every((word) => PLAIN.test(word))) return false;
  return name.includes("/")
    ? isExecutable(joinPath(cwd, name))
    : findProgram(name, path, cwd) !== undefined;
}

function quoted(argument: string): string {
  if (argument === "") return "''";
  if (!QUOTED.test(argument)) return argument;
  return `'${argument.replaceAll("'", `'\\''`)}'`.replace(/^(?:'')+(?!$)/, "")
    .replaceAll(`\\'''`, `\\'`);
}

/**
 * Finds the shell of a script.
 *
 * @param path the script's PATH
 * @returns an absolute path, or `undefined` if there is no such program
 */
export function shellOf(
  { shell = "sh" }: NpmScript,
  path: string,
  cwd: string,
): string | undefined {
  if (!shell.includes("/")) return findProgram(shell, path, cwd);
  const file = joinPath(cwd, shell);
  return pathExists(file) ? file : undefined;
}

/** The variables that name installed programs. */
export class NpmEnvironment {
  /** Versions by the state of the program. */
  readonly #versions = new Map<string, string>();

  /**
   * Returns the environment of a script: that of the command, and the variables for Node and the
   * package manager. Asks each `node` once for its version.
   */
  async of({ cwd, env, output }: TaskCommand, script: NpmScript): Promise<Record<string, string>> {
    const bins = npmBinFolders(cwd);
    const find = (name: string): string | undefined =>
      findProgram(name, pathBehind(bins, env.PATH), cwd);
    const node = realOf(find("node"));
    const npm = packageOf("npm", find("npm"));
    const manager = managerOf(script);
    const program = manager === "npm" ? npm?.entry ?? find("npm") : realOf(find(manager));
    const own = manager === "npm" ? npm : packageOf(manager, program);
    const gyp = npm && joinPath(npm.folder, "node_modules/@npmcli/run-script/lib/node-gyp-bin");
    const version = node === undefined ? undefined : await this.#versionOf(node);
    return {
      ...(node === undefined ? {} : nodeVariables(node)),
      ...(npm === undefined ? {} : {
        npm_config_node_gyp: joinPath(npm.folder, "node_modules/node-gyp/bin/node-gyp.js"),
      }),
      ...(manager === "npm" ? npmVariables(env, npm?.version) : {}),
      npm_config_user_agent: agentOf(script, {
        manager,
        version: own?.version,
        node: version,
        isMember: cwd !== script.root,
      }),
      npm_config_local_prefix: script.root,
      ...env,
      npm_command: npm === undefined || hasRunCommand(npm.folder) ? "run" : "run-script",
      ...(node === undefined ? {} : { NODE: node, npm_node_execpath: node }),
      ...(program === undefined ? {} : { npm_execpath: program }),
      COLOR: typeof output === "object" ? "1" : "0",
      PATH: pathBehind([...bins, ...(gyp !== undefined && pathExists(gyp) ? [gyp] : [])], env.PATH),
    };
  }

  async #versionOf(node: string): Promise<string> {
    const state = fileState(node);
    const known = this.#versions.get(state);
    if (known !== undefined) return known;
    const said = await runTool(node, ["--version"], VERSION_MS);
    const version = /^v\d\S*/.exec(said ?? "")?.[0] ?? "?";
    this.#versions.set(state, version);
    return version;
  }
}

/** Returns the package manager of a project: the one that it names, or that of its lockfile. */
function managerOf({ root, manager }: NpmScript): string {
  if (manager !== undefined) return manager.name;
  return MANAGER_LOCKFILES.find(([file]) => pathExists(joinPath(root, file)))?.[1] ?? "npm";
}

/** Variables that depend on the place of Node only. */
function nodeVariables(node: string): Record<string, string> {
  const prefix = parentFolder(parentFolder(node));
  return {
    npm_config_prefix: prefix,
    npm_config_global_prefix: prefix,
    npm_config_globalconfig: joinPath(prefix, "etc/npmrc"),
  };
}

/** Variables that npm sets for its own programs. */
function npmVariables(
  env: Readonly<Record<string, string>>,
  version: string | undefined,
): Record<string, string> {
  const { HOME, EDITOR, VISUAL } = env;
  return {
    EDITOR: EDITOR ?? VISUAL ?? "vi",
    npm_config_noproxy: "",
    ...(version === undefined ? {} : { npm_config_npm_version: version }),
    ...(HOME === undefined ? {} : {
      npm_config_cache: joinPath(HOME, ".npm"),
      npm_config_init_module: joinPath(HOME, ".npm-init.js"),
      npm_config_userconfig: joinPath(HOME, ".npmrc"),
    }),
  };
}

function agentOf(
  script: NpmScript,
  { manager, version, node, isMember }: {
    readonly manager: string;
    readonly version: string | undefined;
    readonly node: string | undefined;
    readonly isMember: boolean;
  },
): string {
  const named = script.manager?.name === manager ? script.manager.version : undefined;
  // npm and yarn run what is installed. The others run the version that the project names.
  const shown = (manager === "npm" ? version : named ?? version) ?? "?";
  const rest = `node/${node ?? "?"} ${nodePlatform()}`;
  return manager === "npm"
    ? `npm/${shown} ${rest} workspaces/${isMember}`
    : `${manager}/${shown} npm/? ${rest}`;
}

/** A package that contains a program. */
interface ProgramPackage {
  readonly folder: string;
  /** The program's file, without links. */
  readonly entry: string;
  readonly version: string;
}

/**
 * Returns the package of a program, which is in the package's folder or in a folder in it. Returns
 * `undefined` if a package of another name contains it, as that of a version manager.
 */
function packageOf(name: string, program: string | undefined): ProgramPackage | undefined {
  if (program === undefined) return undefined;
  const entry = realPath(program);
  const near = parentFolder(entry);
  for (const folder of [near, parentFolder(near)]) {
    const facts = nameAndVersion(joinPath(folder, "package.json"));
    if (facts?.name === name) return { folder, entry, version: facts.version };
  }
  return undefined;
}

function nameAndVersion(
  file: string,
): { readonly name: string; readonly version: string } | undefined {
  try {
    const facts: unknown = JSON.parse(readBoundedText(file, MAX_BYTES) ?? "null");
    if (typeof facts !== "object" || facts === null) return undefined;
    const { name, version } = facts as Record<string, unknown>;
    return typeof name === "string" && typeof version === "string" ? { name, version } : undefined;
  } catch (error) {
    if (error instanceof NotReadableError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** npm 11 calls its command `run`, and earlier versions call it `run-script`. */
function hasRunCommand(npm: string): boolean {
  return pathExists(joinPath(npm, "lib/commands/run.js"));
}

function realOf(path: string | undefined): string | undefined {
  return path === undefined ? undefined : realPath(path);
}
