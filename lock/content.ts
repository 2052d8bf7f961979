/**
 * What a lock file says: who holds it, and where the holder can be reached.
 *
 * @module
 */

import { readTextIfPresent } from "../system/files/files.ts";

/** The one line of a lock file. */
export interface LockContent {
  /** The holder's process id. */
  readonly pid: number;
  /** `HOST:PORT` where the holder speaks XML-RPC. */
  readonly xmlrpc?: string;
  /** The path of its socket, where that is not at the usual place. */
  readonly socket?: string;
}

const LINE = /^(\d+)(?: (?!unix:)(\S+:\d+))?(?: unix:(.+))?$/;

/**
 * The line of a lock file, its newline included.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { formatLockContent, parseLockContent } from "@simmer/simmer/lock";
 *
 * const content = { pid: 41, xmlrpc: "127.0.0.1:8200", socket: "/run/a b.sock" };
 * assertEquals(formatLockContent(content), "41 127.0.0.1:8200 unix:/run/a b.sock\n");
 * assertEquals(parseLockContent(formatLockContent(content)), content);
 * ```
 */
export function formatLockContent({ pid, xmlrpc, socket }: LockContent): string {
  const words = [String(pid)];
  if (xmlrpc !== undefined) words.push(xmlrpc);
  if (socket !== undefined) words.push(`unix:${socket}`);
  return `${words.join(" ")}\n`;
}

/** What a lock file's text says; `undefined` where it says nothing that can be read. */
export function parseLockContent(text: string): LockContent | undefined {
  const match = LINE.exec(text.split("\n", 1)[0] ?? "");
  if (match === null) return undefined;
  const [, pid, xmlrpc, socket] = match;
  return {
    pid: Number(pid),
    ...(xmlrpc === undefined ? {} : { xmlrpc }),
    ...(socket === undefined ? {} : { socket }),
  };
}

/** What the lock file at a path says; `undefined` where there is none or it says nothing. */
export function readLockContent(path: string): LockContent | undefined {
  const text = readTextIfPresent(path);
  return text === undefined ? undefined : parseLockContent(text);
}
