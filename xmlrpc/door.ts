/**
 * XML-RPC door: accepts requests over TCP and serves them through native connections to the server.
 *
 * @module
 */

import type { Channel } from "../rpc/channel.ts";
import type { Clock } from "../system/clock.ts";
import type { Logger } from "../system/logger.ts";
import { connectTcp } from "../system/net/tcp.ts";
import type { AcceptedStream } from "../system/net/unix_socket.ts";
import { isLoopback, parseAddress } from "../wire/address.ts";
import type { Door } from "../server/door.ts";
import type { Listener } from "../server/listener_source.ts";
import { stackOf } from "../server/stack.ts";
import { Clients, type Origin } from "./clients.ts";
import { nativeDialect, type XmlRpcDialect } from "./dialect.ts";
import { encodeFault, encodeResponse } from "./encoder.ts";
import { callOf, type HttpLimits, type HttpRequest, serveHttp } from "./http_server.ts";
import { Methods } from "./methods.ts";
import type { Dial } from "./pusher.ts";
import { XmlRpcFault } from "./values.ts";

export interface XmlRpcDoorOptions {
  /** Accepts the clients' connections. Its path is `HOST:PORT`. */
  readonly listener: Listener;
  readonly clock: Clock;
  readonly log: Logger;
  /** Default: simmer's own dialect. */
  readonly dialect?: XmlRpcDialect;
  readonly limits?: HttpLimits;
  /** Connects to clients' event servers; default: over TCP. */
  readonly dial?: Dial;
}

/** Maximum number of open connections. */
const MAX_CONNECTIONS = 64;
/** Grace period in which clients receive their last responses and events, in milliseconds. */
const LAST_WORDS_MS = 2000;

/** XML-RPC server in front of a process server. */
export class XmlRpcDoor implements Door {
  readonly name = "XML-RPC";
  readonly isPerRequest = true;
  readonly listener: Listener;
  readonly #options: XmlRpcDoorOptions;
  readonly #clients: Clients;
  readonly #methods: Methods;
  readonly #isLocal: boolean;
  readonly #ending = new AbortController();
  readonly #open = new Map<AcceptedStream, Promise<void>>();

  /** Creates a door. Logs a warning if other machines can reach the listener. */
  constructor(options: XmlRpcDoorOptions) {
    const { listener, clock, log, dialect = nativeDialect, dial = connectTcp } = options;
    this.listener = listener;
    this.#options = options;
    this.#clients = new Clients({ clock, log, dialect, dial });
    this.#methods = new Methods(this.#clients, dialect, () => clock.monotonic());
    this.#isLocal = isLoopback(parseAddress(listener.path)?.host ?? "");
    if (!this.#isLocal) {
      log.log(
        "warn",
        `XML-RPC at ${listener.path} is open to other machines, without encryption: every ` +
          "client that can connect can run commands as this user; to prevent this, give --xmlrpc " +
          "only a port",
      );
    }
  }

  enter(stream: AcceptedStream, connect: () => Channel): void {
    const { log } = this.#options;
    if (this.#open.size >= MAX_CONNECTIONS) {
      log.log("warn", `Dropping an XML-RPC connection: ${MAX_CONNECTIONS} are open`);
      return stream.close();
    }
    const serving = this.#serve(stream, connect)
      .catch((error: unknown) => log.log("error", `XML-RPC connection failed: ${stackOf(error)}`))
      .finally(() => this.#open.delete(stream));
    this.#open.set(stream, serving);
  }

  async close(): Promise<void> {
    this.#ending.abort();
    const done = new AbortController();
    const impatience = new AbortController();
    const timeUp = this.#options.clock.sleep(LAST_WORDS_MS, done.signal).then(() => {
      if (done.signal.aborted) return;
      impatience.abort();
      for (const stream of this.#open.keys()) stream.close();
    });
    await Promise.all([...this.#open.values(), this.#clients.close(impatience.signal)]);
    done.abort();
    await timeUp;
  }

  #serve(stream: AcceptedStream, connect: () => Channel): Promise<void> {
    const { clock, limits = {} } = this.#options;
    const origin = { remoteHost: stream.remoteHost, connect };
    return serveHttp(stream, {
      clock,
      limits,
      isLocal: this.#isLocal,
      ending: this.#ending.signal,
      answer: (request) => this.#answer(request, origin),
    });
  }

  async #answer(request: HttpRequest, origin: Origin): Promise<string> {
    const call = callOf(request);
    try {
      const { fields } = request;
      const token = fields.get("bitbake-token") ?? fields.get("simmer-token");
      return encodeResponse(await this.#methods.call({ ...call, token, origin }));
    } catch (error) {
      if (error instanceof XmlRpcFault) return encodeFault(error);
      this.#options.log.log("error", `XML-RPC ${call.method} failed: ${stackOf(error)}`);
      return encodeFault(new XmlRpcFault(`${call.method} failed: see the server's log`));
    }
  }
}
