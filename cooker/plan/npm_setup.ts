/**
 * Prepares the scripts of a run that run as `npm run` does: the settings of `.npmrc` files, the
 * shell, and the state outside of the project that their results depend on.
 *
 * @module
 */

import { NotReadableError, readBoundedText } from "../../system/files/bounded_text.ts";
import { joinPath, parentFolder } from "../../system/files/files.ts";
import { fileState, findProgram } from "../../system/process/find_program.ts";
import { type NpmSettings, parseNpmrc, settingVariables } from "../config/npmrc.ts";
import type { ProjectConfig } from "../config/project.ts";
import type { TaskFile } from "../config/tasks.ts";
import type { RunTasksParams } from "../../wire/commands.ts";
import { npmBinFolders } from "../execute/node_modules.ts";
import type { NpmScript } from "../execute/npm_script.ts";

type Environment = Readonly<Record<string, string>>;

/** Maximum size of an `.npmrc`, in bytes. A larger file counts as missing. */
const MAX_BYTES = 1024 * 1024;

/** State outside of the project on which a plan depends. No change of it is reported. */
export interface OutsideState {
  /** True if the state is the same as when the plan was made. */
  readonly isUnchanged: boolean;
}

/** Files and programs outside of the project, each with the state in which it was seen first. */
class Outside implements OutsideState {
  readonly #seen = new Map<string, { readonly was: string; readonly read: () => string }>();

  get isUnchanged(): boolean {
    return [...this.#seen.values()].every(({ was, read }) => read() === was);
  }

  /** Returns the state of a file. */
  file(path: string): string {
    return this.#state(path, () => fileState(path));
  }

  /** Returns the state of a program on a PATH. It is empty if there is none. */
  program(name: string, path: string, cwd: string): string {
    return this.#state(`${name} ${path}`, () => {
      const found = findProgram(name, path, cwd);
      return found === undefined ? "" : fileState(found);
    });
  }

  #state(key: string, read: () => string): string {
    const known = this.#seen.get(key) ?? { was: read(), read };
    this.#seen.set(key, known);
    return known.was;
  }
}

/** The project whose scripts are planned. */
interface NpmProject {
  /** Absolute. */
  readonly root: string;
  /** The text of the project's `.npmrc`, if it has one. */
  readonly npmrc?: string;
  /** As in {@linkcode NpmScript}. */
  readonly manager?: NpmScript["manager"];
}

/** The settings of `.npmrc` files for the scripts of one run. */
export class NpmSetup {
  readonly #project: NpmProject;
  readonly #env: Environment;
  readonly #settings: NpmSettings;
  readonly #outside = new Outside();
  /**
   * Variables that the project's own `.npmrc` sets, or its counterparts of the user and the system. A
   * variable of the client has precedence.
   */
  readonly variables: Environment;

  /** @param env the client's environment */
  constructor(project: NpmProject, env: Environment) {
    this.#project = project;
    this.#env = env;
    const files = [this.#globalFile(), userFile(env)].flatMap((file) => file ?? []);
    for (const file of files) this.#outside.file(file);
    const texts = [...files.map(textOf), project.npmrc];
    this.#settings = new Map(
      texts.flatMap((text) => text === undefined ? [] : [...parseNpmrc(text, env)]),
    );
    const own = new Set(Object.keys(env).map((name) => name.toLowerCase()));
    this.variables = Object.fromEntries(
      Object.entries(settingVariables(this.#settings)).filter(([name]) => !own.has(name)),
    );
  }

  /** False if `ignore-scripts` is set: scripts then run without their `pre` and `post` scripts. */
  get runsHooks(): boolean {
    const value = this.#setting("ignore-scripts") ?? "";
    return value === "" || value === "false";
  }

  /** Everything outside of the project that the scripts planned so far depend on. */
  get outside(): OutsideState {
    return this.#outside;
  }

  /**
   * Returns how the scripts of a folder run.
   *
   * @param cwd the folder, absolute
   */
  script(cwd: string): NpmScript {
    const { root, manager } = this.#project;
    const shell = this.#setting("script-shell") ?? "";
    return {
      root,
      ...(manager === undefined ? {} : { manager }),
      ...(shell === "" ? {} : { shell }),
      identity: `npm run, ${shell || "sh"}, ${this.#nodeState(cwd) || "no node"}`,
    };
  }

  /** Returns a text that identifies the `node` that a folder's scripts find. */
  #nodeState(cwd: string): string {
    for (const folder of npmBinFolders(cwd)) {
      const state = this.#outside.file(`${folder}/node`);
      if (state !== "") return state;
    }
    return this.#outside.program("node", this.#env.PATH ?? "", this.#project.root);
  }

  /** The system's file: `npm_config_globalconfig`, or `etc/npmrc` beside the `bin` of Node. */
  #globalFile(): string | undefined {
    const { npm_config_globalconfig: named, PATH = "" } = this.#env;
    if (named !== undefined && named !== "") return named;
    const state = this.#outside.program("node", PATH, this.#project.root);
    const node = state.split(" ").slice(2).join(" ");
    return node === "" ? undefined : joinPath(parentFolder(parentFolder(node)), "etc/npmrc");
  }

  /** Returns a setting. As in npm, a variable has precedence over the files. */
  #setting(name: string): string | undefined {
    const variable = `npm_config_${name.replaceAll("-", "_")}`;
    const key = Object.keys(this.#env).find((each) => each.toLowerCase() === variable);
    return key === undefined ? this.#settings.get(name) : this.#env[key];
  }
}

/**
 * Returns a function that gives the settings for the scripts of a file if these run as `npm run` does.
 * The `.npmrc` files are only read for that.
 *
 * @param root the project's root folder, absolute
 */
export function npmSetups(
  config: ProjectConfig,
  root: string,
  { env, scripts }: Pick<RunTasksParams, "env" | "scripts">,
): (file: TaskFile) => NpmSetup | undefined {
  let setup: NpmSetup | undefined;
  const make = (): NpmSetup => {
    const [npmrc, manager] = [config.npmrc(), config.packageManager()];
    return new NpmSetup({
      root,
      ...(npmrc === undefined ? {} : { npmrc }),
      ...(manager === undefined ? {} : { manager }),
    }, env);
  };
  // Each question reads config files again, and a plan asks several times for each task.
  const known = new Map<TaskFile, NpmSetup | undefined>();
  return (file) => {
    if (file.source !== "package.json") return undefined;
    if (!known.has(file)) {
      const isNpm = config.scriptWay(file, scripts) === "npm";
      if (isNpm) setup ??= make();
      known.set(file, isNpm ? setup : undefined);
    }
    return known.get(file);
  };
}

/** The user's file: `npm_config_userconfig`, or `.npmrc` in the home folder. */
function userFile({ npm_config_userconfig: named, HOME }: Environment): string | undefined {
  if (named !== undefined && named !== "") return named;
  return HOME === undefined || HOME === "" ? undefined : joinPath(HOME, ".npmrc");
}

/** Returns the text of a file, or `undefined` if this user cannot read it. */
function textOf(file: string): string | undefined {
  try {
    return readBoundedText(file, MAX_BYTES);
  } catch (error) {
    if (error instanceof NotReadableError) return undefined;
    throw error;
  }
}
