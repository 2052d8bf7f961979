/**
 * Content of a lock file: the process that holds it, and the addresses at which clients reach it.
 *
 * @module
 */

import { readTextIfPresent } from "../system/files/files.ts";

/** Parsed content of a lock file. */
export interface LockContent {
  /** Process id of the holder. */
  readonly pid: number;
  /** `HOST:PORT` at which the holder speaks XML-RPC. */
  readonly xmlrpc?: string;
  /** Path of the holder's socket; absent while it starts, and in the files of older versions. */
  readonly socket?: string;
  /** Kernel names of the namespaces that the holder runs in. */
  readonly namespaces?: string;
}

/** First line. Older versions named a socket here if its path was too long for the usual place. */
const FIRST = /^(\d+)(?: (?!unix:)(\S+:\d+))?(?: unix:(.+))?$/;
const SOCKET = /^unix:(.+)$/;
const NAMESPACES = /^namespaces (.+)$/;

/**
 * Formats the lines of a lock file: the process id with its XML-RPC address, the socket, the
 * namespaces.
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

/** Parses the text of a lock file. Returns `undefined` if its first line is malformed. */
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

/** Reads the lock file at a path. Returns `undefined` if it is missing or malformed. */
export function readLockContent(path: string): LockContent | undefined {
  const text = readTextIfPresent(path);
  return text === undefined ? undefined : parseLockContent(text);
}
