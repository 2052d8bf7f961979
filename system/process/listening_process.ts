/**
 * Finds the process that listens at a TCP port of this machine, by the kernel's tables in `/proc`
 * (Linux only).
 *
 * @module
 */

import { isSystemError, readTextIfPresent } from "../files/files.ts";
import { oldestProcess } from "./processes.ts";

/** Column numbers in a row of `/proc/net/tcp`. */
const LOCAL = 1;
const STATE = 3;
const INODE = 9;
/** The state of a listening socket. */
const LISTEN = "0A";

/**
 * Finds the process that created a listening socket. Its children may have inherited the socket, so
 * the process that has been running for longest is returned.
 *
 * @param address the address where the process listens
 * @returns `undefined` if `host` is not an address of this machine, if the process belongs to
 *   another user, or on platforms other than Linux
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
 * Finds an open file of a process by its file name.
 *
 * @param name the last part of the file's path
 * @returns the file's path; `undefined` if the process has no such file open, or if it belongs to
 *   another user
 */
export function openFileNamed(pid: number, name: string): string | undefined {
  return linksOf(pid).find((link) => link.startsWith("/") && link.endsWith(`/${name}`));
}

function isOwnAddress(host: string): boolean {
  if (/^127\.|^localhost$|^::1$/.test(host)) return true;
  return Deno.networkInterfaces().some(({ address }) => address === host);
}

/** Returns the inodes of the sockets that listen at a port. */
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

/**
 * Returns the link targets of a process's descriptors, such as `socket:[1234]` or a file's path.
 */
function linksOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => linkOf(`${folder}/${name}`));
  } catch (error) {
    // The process has ended, or belongs to another user.
    if (!isSystemError(error)) throw error;
    return [];
  }
}

/** Reads a descriptor's link. Returns `""` if the descriptor was closed after it was listed. */
function linkOf(path: string): string {
  try {
    return Deno.readLinkSync(path);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return "";
  }
}
