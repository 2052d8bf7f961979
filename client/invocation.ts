/**
 * What a command is given: everything that it needs of its process, so that it runs in tests too.
 *
 * `main.ts` fills it in; it is also the only way from the client to server and cooker.
 *
 * @module
 */

import type { Clock } from "../system/clock.ts";
import type { SignalName } from "../system/process/signals.ts";
import type { ByteStream } from "../system/net/streams.ts";
import type { Project } from "../project/root.ts";
import { fileKind, joinPath, parentFolder } from "../system/files/files.ts";
import type { TcpAddress } from "../wire/address.ts";
import type { Command } from "./command.ts";
import type { CommonValues } from "./args/options.ts";
import type { ServerLimits } from "./args/server_limits.ts";
import type { Output } from "./output.ts";

/** What is known of the terminal. */
interface TerminalFacts {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** Characters in a line, as of now. */
  columns(): number;
  /** Whether one of the streams was a terminal and is none any more. */
  isHungUp(): boolean;
}

/** How to be the server. */
interface ServeRequest extends ServerLimits {
  readonly project: Project;
  /** Whether its log goes to the terminal too. */
  readonly foreground: boolean;
  /** Whether the client that starts it holds the lock until the file `starting` is there. */
  readonly handover: boolean;
  /** Where XML-RPC is served too; port 0: any that is free. */
  readonly xmlrpc?: TcpAddress;
  /** Whether BitBake's own clients are served too. */
  readonly bitbake: boolean;
}

/** A server that has ended: with an exit code, or before it began, because another one serves the
 * project or an address can't be had. */
type Served =
  | { readonly kind: "ended"; readonly exitCode: number }
  | { readonly kind: "locked"; readonly holder: number | undefined }
  | { readonly kind: "refused"; readonly message: string };

/** A server in this process. */
export interface LocalServer {
  /** The client's end; closing it ends the server. */
  readonly stream: ByteStream;
  /** Resolves when the server has ended and nothing of its tasks is left. */
  readonly ended: Promise<void>;
}

/** Every command by its name, loaded when it is asked for. */
type CommandLoaders = Readonly<
  Record<string, { load(): Promise<{ readonly command: Command }> }>
>;

/** What a clean-up of the cache found and did. */
export interface CleanReport {
  /** Results and blobs that were there. */
  readonly records: number;
  readonly blobs: number;
  /** Their size. */
  readonly bytes: number;
  readonly removedRecords: number;
  readonly removedBlobs: number;
  readonly removedBytes: number;
}

/** How far the cache is cleaned. */
export interface CleanRequest {
  /** What may stay, in bytes. */
  readonly maxBytes: number;
  /** Whether it is only looked at. */
  readonly dryRun: boolean;
}

/** Where BitBake's own server is: its socket, absolute, or its address for XML-RPC. */
type BitbakePlace = { readonly socket: string } | { readonly address: TcpAddress };

/** One call of simmer. */
export interface Invocation {
  /** What stands behind the command's name, and the common options before it. */
  readonly args: readonly string[];
  /** What was typed, for people. */
  readonly commandLine: string;
  readonly env: Readonly<Record<string, string>>;
  /** The working directory, absolute. */
  readonly cwd: string;
  /** The project of the working directory, if it is known already. */
  readonly project?: Project;
  readonly pid: number;
  /** Ticket of the descriptors that came with the command line; absent: none came. */
  readonly passed?: number;
  readonly terminal: TerminalFacts;
  readonly output: Output;
  readonly clock: Clock;
  /** When the client's process started, by the clock's monotonic time. */
  readonly startedAt: number;
  /** Calls a function at each such signal until the result is disposed of. */
  onSignal(signal: SignalName, listener: () => void): Disposable;
  /**
   * Calls a function when the process that the command line came from is gone, until the result is
   * disposed of; absent: this is that process.
   */
  onGone?(listener: () => void): Disposable;
  /** Ends the process on the spot. */
  exit(code: number): never;
  /** Connects to the project's server, where that is this very process. */
  readonly connect?: () => ByteStream;
  /** Is the server, until that ends. */
  serve(request: ServeRequest): Promise<Served>;
  /** The same server inside this process. */
  serveLocally(project: Project): Promise<LocalServer>;
  /**
   * Connects to BitBake's own server.
   *
   * @returns a stream that speaks simmer's protocol; `undefined` where nobody listens
   */
  openBitbake(place: BitbakePlace): Promise<ByteStream | undefined>;
  /** Makes the user's cache smaller; `undefined` where no variable says where it is. */
  cleanCache(request: CleanRequest): Promise<CleanReport & { readonly folder: string } | undefined>;
  /**
   * The script that `simmer install` puts on the PATH.
   *
   * @param perl runs the quick client; absent: the script runs the whole client
   */
  clientScript(perl: string | undefined): Promise<string>;
  /** All commands. */
  readonly commands: CommandLoaders;
}

/**
 * The folder that a command works in, absolute: `--cwd`, or the working directory. A file means its
 * folder, as in `deno task --cwd deno.json`.
 */
export function workFolder({ cwd }: Invocation, values: CommonValues): string {
  if (values.cwd === undefined) return cwd;
  const path = joinPath(cwd, values.cwd);
  return fileKind(path) === "file" ? parentFolder(path) : path;
}
