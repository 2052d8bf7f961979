/**
 * Finds the user at the other end of a TCP connection within this machine.
 *
 * A TCP port has no file mode, so any user of the machine can connect to it. Linux lists the owner
 * of every socket. A server can use that to tell its own user from others.
 *
 * @module
 */

import { readTextIfPresent } from "../files/files.ts";
import type { PeerCredentials } from "./peer.ts";

/** One end of a connection. */
interface End {
  readonly hostname: string;
  readonly port: number;
}

/** Column numbers in a row of `/proc/net/tcp`. */
const LOCAL = 1;
const REMOTE = 2;
const UID = 7;
const INODE = 9;

/**
 * Finds the user of the process that has connected.
 *
 * @param remote the other end, whose owner is looked up
 * @param local this end
 * @returns the user; process and group are 0, because the kernel does not list them; `undefined` if
 *   the other end is not on this machine or already closed, or if the platform does not report
 *   owners
 */
export function tcpPeer(remote: End, local: End): PeerCredentials | undefined {
  if (Deno.build.os !== "linux") return undefined;
  for (const [table, mapped] of [["tcp", false], ["tcp6", true]] as const) {
    const rows = readTextIfPresent(`/proc/net/${table}`);
    const there = [endText(remote, mapped), endText(local, mapped)];
    if (rows === undefined || there.includes(undefined)) continue;
    const uid = ownerOf(rows, there[0] ?? "", there[1] ?? "");
    if (uid !== undefined) return { pid: 0, uid, gid: 0 };
  }
  return undefined;
}

/**
 * Finds the owner of a socket. A row with inode 0 is a closed socket and always shows user 0, so it
 * is ignored.
 */
function ownerOf(rows: string, remote: string, local: string): number | undefined {
  // Search for the pair of addresses first. This is much faster than parsing every row.
  const place = rows.indexOf(` ${remote} ${local} `);
  if (place < 0) return undefined;
  const start = rows.lastIndexOf("\n", place) + 1;
  const columns = rows.slice(start, rows.indexOf("\n", place)).trim().split(/\s+/);
  const isSame = columns[LOCAL] === remote && columns[REMOTE] === local;
  return isSame && columns[INODE] !== "0" ? Number(columns[UID]) : undefined;
}

/**
 * Formats an end as the kernel does: the address as words of four bytes in the machine's byte
 * order, then the port.
 *
 * @param mapped format as IPv6, which a client may use to reach an IPv4 server
 */
function endText({ hostname, port }: End, mapped: boolean): string | undefined {
  const bytes = addressBytes(hostname);
  if (bytes === undefined || (!mapped && bytes.length !== 4)) return undefined;
  const all = mapped && bytes.length === 4
    ? [...new Array<number>(10).fill(0), 255, 255, ...bytes]
    : bytes;
  let text = "";
  for (let word = 0; word < all.length; word += 4) {
    // Both architectures that Deno supports are little-endian.
    text += all.slice(word, word + 4).reverse().map((byte) => hex(byte, 2)).join("");
  }
  return `${text}:${hex(port, 4)}`;
}

function addressBytes(address: string): number[] | undefined {
  if (!address.includes(":")) return ipv4Bytes(address);
  const [head = "", tail] = address.split("::");
  const before = groupBytes(head);
  const after = groupBytes(tail ?? "");
  if (before === undefined || after === undefined) return undefined;
  const gap = 16 - before.length - after.length;
  return gap < 0 ? undefined : [...before, ...new Array<number>(gap).fill(0), ...after];
}

function groupBytes(text: string): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  for (const group of text.split(":")) {
    const piece = group.includes(".") ? ipv4Bytes(group) : hexGroup(group);
    if (piece === undefined) return undefined;
    bytes.push(...piece);
  }
  return bytes;
}

function ipv4Bytes(text: string): number[] | undefined {
  const bytes = text.split(".").map(Number);
  return bytes.length === 4 && bytes.every((byte) => byte >= 0 && byte <= 255) ? bytes : undefined;
}

function hexGroup(text: string): number[] | undefined {
  if (!/^[\da-f]{1,4}$/i.test(text)) return undefined;
  const value = parseInt(text, 16);
  return [value >> 8, value & 255];
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, "0");
}
