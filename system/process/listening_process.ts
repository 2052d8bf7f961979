/**
 * Whose process listens at a TCP port of this machine, as Linux lists it.
 *
 * @module
 */

import { isSystemError, readTextIfPresent } from "../files/files.ts";
import { oldestProcess } from "./processes.ts";

/** Columns of a row of `/proc/net/tcp`. */
const LOCAL = 1;
const STATE = 3;
const INODE = 9;
/** The state of a socket that listens. */
const LISTEN = "0A";

/**
 * The process that made a listening socket. Its children may hold the socket too: the process that
 * has been running for longest is the one.
 *
 * @param address where it listens
 * @returns `undefined` if that is not an address of this machine, if the process is another user's,
 *   or if the platform does not tell
 */
export function listeningProcess(
  { host, port }: { readonly host: string; readonly port: number },
): number | undefined {
  if (Deno.build.os !== "linux" || !isOwnAddress(host)) return undefined;
  const inodes = new Set(
    ["tcp", "tcp6"].flatMap((table) => listeners(readTextIfPresent(`/proc/net/${table}`), port)),
  );
  if (inodes.size === 0) return undefined;
  const holders = processes().filter((pid) => holdsSocket(pid, inodes));
  return oldestProcess(holders);
}

/**
 * The file of a name that a process has open.
 *
 * @returns its path; `undefined` if there is none, or if the process is another user's
 */
export function openFileNamed(pid: number, name: string): string | undefined {
  return linksOf(pid).find((link) => link.startsWith("/") && link.endsWith(`/${name}`));
}

function isOwnAddress(host: string): boolean {
  if (/^127\.|^localhost$|^::1$/.test(host)) return true;
  return Deno.networkInterfaces().some(({ address }) => address === host);
}

/** The inodes of the sockets that listen at a port. */
function listeners(rows: string | undefined, port: number): string[] {
  const ending = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return (rows ?? "").split("\n").flatMap((row) => {
    const columns = row.trim().split(/\s+/);
    const isMeant = columns[STATE] === LISTEN && columns[LOCAL]?.endsWith(ending) === true;
    return isMeant && columns[INODE] !== undefined ? [columns[INODE]] : [];
  });
}

function processes(): number[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter(Number.isInteger);
}

function holdsSocket(pid: number, inodes: ReadonlySet<string>): boolean {
  return linksOf(pid).some((link) => {
    const inode = /^socket:\[(\d+)\]$/.exec(link)?.[1];
    return inode !== undefined && inodes.has(inode);
  });
}

/** What the descriptors of a process are, as the kernel names it. */
function linksOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => linkOf(`${folder}/${name}`));
  } catch (error) {
    // The process has ended, or is another user's.
    if (!isSystemError(error)) throw error;
    return [];
  }
}

/** A descriptor can be closed between listing and reading. */
function linkOf(path: string): string {
  try {
    return Deno.readLinkSync(path);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return "";
  }
}
