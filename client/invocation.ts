/**
 * The process context of a command. A command gets everything that it needs of its process here, so
 * it can also run in tests.
 *
 * `main.ts` creates it. It is also the only path from the client to server and cooker.
 *
 * @module
 */

import type { Channel } from "../rpc/channel.ts";
import type { Clock } from "../system/clock.ts";
import type { SignalName } from "../system/process/signals.ts";
import type { Project } from "../project/root.ts";
import { fileKind, joinPath, parentFolder } from "../system/files/files.ts";
import type { TcpAddress } from "../wire/address.ts";
import type { Command } from "./command.ts";
import type { CommonValues } from "./args/options.ts";
import type { ServerLimits } from "./args/server_limits.ts";
import type { Output } from "./output.ts";

/** Properties of the terminal. */
interface TerminalFacts {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** Returns the current number of characters in a line. */
  columns(): number;
  /** Returns the current number of lines; 0: unknown. */
  rows(): number;
  /** Returns true if one of the streams was a terminal and no longer is. */
  isHungUp(): boolean;
  /**
   * Sets the text that restores the screen if this process is suspended, or if it ends before the
   * command has; empty: none is needed.
   */
  restoreBy(text: string): void;
}

/** The keyboard of the client's terminal. */
export interface Keyboard {
  /** Puts the terminal into raw mode, and passes keys to a function until `release`. */
  take(listener: (keys: Uint8Array) => void): void | Promise<void>;
  /** The server has reacted to keys. Absent if the process that reads the keys sees that itself. */
  answered?(): void;
  /** Restores the terminal. */
  release(): void | Promise<void>;
  /** Handles a key like the signal that a terminal sends for it. */
  signal(signal: "SIGINT" | "SIGQUIT" | "SIGTSTP"): void;
}

/** The parameters of running a server in this process. */
interface ServeRequest extends ServerLimits {
  readonly project: Project;
  /** True if the server's log also goes to the terminal. */
  readonly foreground: boolean;
  /** True if the client that starts the server holds the lock until the file `starting` exists. */
  readonly lockFromClient: boolean;
  /** The address for XML-RPC, if it is to be served too; port 0: any free port. */
  readonly xmlrpc?: TcpAddress;
  /** True if BitBake's own clients are served too. */
  readonly bitbake: boolean;
  /** True if one client builds at a time, and others wait. */
  readonly single: boolean;
}

/**
 * The end of a server. It has run and returned an exit code, or it did not begin: another one
 * serves the project, or an address is not available.
 */
type Served =
  | { readonly kind: "ended"; readonly exitCode: number }
  | { readonly kind: "locked"; readonly holder: number | undefined }
  | { readonly kind: "refused"; readonly message: string };

/** A server in this process. */
export interface LocalServer {
  /** The client's end of the connection. Closing it ends the server. */
  readonly channel: Channel;
  /** Resolves when the server and all of its tasks have ended. */
  readonly ended: Promise<void>;
}

/** Loaders of all commands, by name. A command is loaded only when it is used. */
type CommandLoaders = Readonly<
  Record<string, { load(): Promise<{ readonly command: Command }> }>
>;

/** The result of a clean-up of the cache. */
export interface CleanReport {
  /** The number of results, and of blobs, before the clean-up. */
  readonly records: number;
  readonly blobs: number;
  /** The total size in bytes before the clean-up. */
  readonly bytes: number;
  readonly removedRecords: number;
  readonly removedBlobs: number;
  readonly removedBytes: number;
}

/** The parameters of a clean-up of the cache. */
export interface CleanRequest {
  /** The maximum size to keep, in bytes. */
  readonly maxBytes: number;
  /** True if nothing is to be removed. */
  readonly dryRun: boolean;
}

/** The address of BitBake's own server: its socket as an absolute path, or its XML-RPC address. */
type BitbakePlace = { readonly socket: string } | { readonly address: TcpAddress };

/** One call of simmer. */
export interface Invocation {
  /** The arguments after the command's name, and the common options before it. */
  readonly args: readonly string[];
  /** The command line as typed, for display. */
  readonly commandLine: string;
  readonly env: Readonly<Record<string, string>>;
  /** The working directory, absolute. */
  readonly cwd: string;
  /** The project of the working directory, if it is known already. */
  readonly project?: Project;
  readonly pid: number;
  /** Ticket of the descriptors that came with the command line. Absent if none came. */
  readonly passed?: number;
  readonly terminal: TerminalFacts;
  /** Absent if the client cannot pass keys on. */
  readonly keyboard?: Keyboard;
  readonly output: Output;
  readonly clock: Clock;
  /** Start time of the client's process, by the clock's monotonic time. */
  readonly startedAt: number;
  /** Calls a function at each such signal until the result is disposed of. */
  onSignal(signal: SignalName, listener: () => void): Disposable;
  /**
   * Calls a function when the process that sent the command line is gone, until the result is
   * disposed of. Absent if this is that process.
   */
  onGone?(listener: () => void): Disposable;
  /** Suspends the process. Absent if another process has sent the command line. */
  suspend?(): void;
  /** Exits the process immediately. */
  exit(code: number): never;
  /** Connects to the project's server, if that is this very process. */
  readonly connect?: () => Channel;
  /** Runs the server in this process, until it ends. */
  serve(request: ServeRequest): Promise<Served>;
  /** Starts the same server inside this process. */
  serveLocally(project: Project): Promise<LocalServer>;
  /**
   * Connects to BitBake's own server.
   *
   * @returns a channel that speaks simmer's protocol, or `undefined` if no server listens
   */
  openBitbake(place: BitbakePlace): Promise<Channel | undefined>;
  /** Shrinks the user's cache. Returns `undefined` if no variable names its folder. */
  cleanCache(request: CleanRequest): Promise<CleanReport & { readonly folder: string } | undefined>;
  /**
   * Generates the script that `simmer install` puts on the PATH.
   *
   * @param perl runs the quick client; if absent, the script runs the whole client
   */
  clientScript(perl: string | undefined): Promise<string>;
  /** All commands. */
  readonly commands: CommandLoaders;
}

/**
 * Returns the folder that a command works in, absolute: `--cwd`, or the working directory. If
 * `--cwd` names a file, its folder is used, as in `deno task --cwd deno.json`.
 */
export function workFolder(
  { cwd }: Pick<Invocation, "cwd">,
  values: Pick<CommonValues, "cwd">,
): string {
  if (values.cwd === undefined) return cwd;
  const path = joinPath(cwd, values.cwd);
  return fileKind(path) === "file" ? parentFolder(path) : path;
}
