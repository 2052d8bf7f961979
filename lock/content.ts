/**
 * What a lock file says: who holds it, and where the holder can be reached.
 *
 * @module
 */

import { readTextIfPresent } from "../system/files/files.ts";

/** The lines of a lock file. */
export interface LockContent {
  /** The holder's process id. */
  readonly pid: number;
  /** `HOST:PORT` where the holder speaks XML-RPC. */
  readonly xmlrpc?: string;
  /** Path of its socket; absent while it starts, and in the files of older versions. */
  readonly socket?: string;
  /** The kernel's names of the namespaces that the holder runs in. */
  readonly namespaces?: string;
}

/** Older versions named a socket here if its path was too long for the usual place. */
const FIRST = /^(\d+)(?: (?!unix:)(\S+:\d+))?(?: unix:(.+))?$/;
const SOCKET = /^unix:(.+)$/;
const NAMESPACES = /^namespaces (.+)$/;

/**
 * The lines of a lock file: the process id with its XML-RPC address, the socket, the namespaces.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { formatLockContent, parseLockContent } from "@simmer/simmer/lock";
 *
 * const content = { pid: 41, xmlrpc: "127.0.0.1:8200", socket: "/run/a b.sock" };
 * assertEquals(formatLockContent(content), "41 127.0.0.1:8200\nunix:/run/a b.sock\n");
 * assertEquals(parseLockContent(formatLockContent(content)), content);
 * ```
 */
export function formatLockContent({ pid, xmlrpc, socket, namespaces }: LockContent): string {
  return [
    xmlrpc === undefined ? String(pid) : `${pid} ${xmlrpc}`,
    ...(socket === undefined ? [] : [`unix:${socket}`]),
    ...(namespaces === undefined ? [] : [`namespaces ${namespaces}`]),
  ].map((line) => `${line}\n`).join("");
}

/** What a lock file's text says; `undefined` if its first line cannot be read. */
export function parseLockContent(text: string): LockContent | undefined {
  const [first = "", ...more] = text.split("\n");
  const match = FIRST.exec(first);
  if (match === null) return undefined;
  const [, pid, xmlrpc, old] = match;
  const socket = valueOf(SOCKET, more) ?? old;
  const namespaces = valueOf(NAMESPACES, more);
  return {
    pid: Number(pid),
    ...(xmlrpc === undefined ? {} : { xmlrpc }),
    ...(socket === undefined ? {} : { socket }),
    ...(namespaces === undefined ? {} : { namespaces }),
  };
}

function valueOf(pattern: RegExp, lines: readonly string[]): string | undefined {
  return lines.map((line) => pattern.exec(line)?.[1]).find((value) => value !== undefined);
}

/** What the lock file at a path says; `undefined` if there is none or it says nothing. */
export function readLockContent(path: string): LockContent | undefined {
  const text = readTextIfPresent(path);
  return text === undefined ? undefined : parseLockContent(text);
}
