/**
 * TCP addresses in text form: `HOST:PORT`.
 *
 * @module
 */

/** Address of a TCP server. */
export interface TcpAddress {
  /** Host name or IP address. IPv6 addresses have no brackets. */
  readonly host: string;
  /** 0 to 65535; 0 means any free port. */
  readonly port: number;
}

/** Host of an address that names none. */
const LOOPBACK = "127.0.0.1";

/**
 * Parses `HOST:PORT`, `[IPV6]:PORT`, or a bare `PORT`, which means the loopback address.
 *
 * @returns `undefined` if the text has none of these forms
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

/** Formats an address so that {@linkcode parseAddress} can read it. */
export function formatAddress({ host, port }: TcpAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Returns true if a host is a loopback address or name, which only this machine can reach.
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
