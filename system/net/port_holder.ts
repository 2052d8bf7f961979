/**
 * Finds out whether a TCP port of this machine is in use, and by which process.
 *
 * @module
 */

import { readTextIfPresent } from "../files/files.ts";
import { connectTcp } from "./tcp.ts";

/** Addresses at which a server of this machine listens for clients of this machine. */
const HOSTS = ["127.0.0.1", "::1"];
/** Time for a connection within this machine, in milliseconds. */
const CONNECT_MS = 1000;

const LOCAL = 1;
const STATE = 3;
const INODE = 9;
const LISTENING = "0A";

/** The process that listens at a port. */
interface PortHolder {
  readonly pid: number;
  readonly command: string;
}

/** Returns true if a process of this machine accepts connections at a port. */
export async function isPortOpen(port: number, signal?: AbortSignal): Promise<boolean> {
  const limit = AbortSignal.timeout(CONNECT_MS);
  const over = signal === undefined ? limit : AbortSignal.any([signal, limit]);
  const tries = await Promise.all(HOSTS.map(async (host) => {
    const stream = await connectTcp({ host, port }, over);
    stream?.close();
    return stream !== undefined;
  }));
  return tries.includes(true);
}

/**
 * Finds the process that listens at a port.
 *
 * @returns `undefined` if there is none, if it belongs to another user, and on platforms other than
 *   Linux
 */
export function portHolder(port: number): PortHolder | undefined {
  if (Deno.build.os !== "linux") return undefined;
  const sockets = new Set(
    ["tcp", "tcp6"].flatMap((table) =>
      listening(readTextIfPresent(`/proc/net/${table}`) ?? "", port)
    )
      .map((inode) => `socket:[${inode}]`),
  );
  if (sockets.size === 0) return undefined;
  for (const { name } of Deno.readDirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || !holdsAny(pid, sockets)) continue;
    const words = readTextIfPresent(`/proc/${pid}/cmdline`) ?? "";
    return { pid, command: words.replaceAll("\0", " ").trim() };
  }
  return undefined;
}

/** Returns the inodes of the sockets that listen at a port. */
function listening(table: string, port: number): string[] {
  const end = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return table.split("\n").flatMap((line) => {
    const columns = line.trim().split(/\s+/);
    const isMeant = columns[STATE] === LISTENING && columns[LOCAL]?.endsWith(end) === true;
    return isMeant ? [columns[INODE] ?? ""] : [];
  });
}

function holdsAny(pid: number, sockets: ReadonlySet<string>): boolean {
  try {
    for (const { name } of Deno.readDirSync(`/proc/${pid}/fd`)) {
      if (sockets.has(Deno.readLinkSync(`/proc/${pid}/fd/${name}`))) return true;
    }
  } catch (error) {
    // The process has ended meanwhile, has closed the descriptor, or belongs to another user.
    if (!(error instanceof Error)) throw error;
  }
  return false;
}
