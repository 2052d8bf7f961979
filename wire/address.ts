/**
 * Addresses of TCP servers as people write them: `HOST:PORT`.
 *
 * @module
 */

/** Where a TCP server listens. */
export interface TcpAddress {
  /** A name or an IP address; IPv6 without brackets. */
  readonly host: string;
  /** 0 to 65535; 0: any that is free. */
  readonly port: number;
}

/** The host of an address that names none. */
const LOOPBACK = "127.0.0.1";

/**
 * Reads `HOST:PORT`, `[IPV6]:PORT`, or a bare `PORT`, which is one of this machine alone.
 *
 * @returns `undefined` where the text is none of them
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { parseAddress } from "./address.ts";
 *
 * assertEquals(parseAddress("localhost:8200"), { host: "localhost", port: 8200 });
 * assertEquals(parseAddress("[::1]:0"), { host: "::1", port: 0 });
 * assertEquals(parseAddress("8200"), { host: "127.0.0.1", port: 8200 });
 * assertEquals(parseAddress("localhost:http"), undefined);
 * ```
 */
export function parseAddress(text: string): TcpAddress | undefined {
  const match = /^(?:(?:\[([\da-fA-F:.]+)\]|([^\s:[\]]+)):)?(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const port = Number(match[3]);
  return port > 65535 ? undefined : { host: match[1] ?? match[2] ?? LOOPBACK, port };
}

/** An address as {@linkcode parseAddress} reads it. */
export function formatAddress({ host, port }: TcpAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Whether a host is this machine as only this machine reaches it.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { isLoopback } from "./address.ts";
 *
 * assertEquals(["127.0.0.9", "::1", "localhost"].map(isLoopback), [true, true, true]);
 * assertEquals(["0.0.0.0", "127.example.org"].map(isLoopback), [false, false]);
 * ```
 */
export function isLoopback(host: string): boolean {
  return host === "::1" || host.toLowerCase() === "localhost" ||
    /^(::ffff:)?127(\.\d{1,3}){3}$/i.test(host);
}
