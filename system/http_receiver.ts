/**
 * A small HTTP server that takes calls: POST requests with text, answered with text.
 *
 * @module
 */

/** The longest call that is taken, in characters. */
const MAX_CALL = 16 * 1024 * 1024;

/** Takes calls until it is closed. */
export class CallReceiver {
  /** Where it listens. */
  readonly host: string;
  /** The port that it has got. */
  readonly port: number;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  private constructor(host: string, server: Deno.HttpServer<Deno.NetAddr>) {
    this.host = host;
    this.port = server.addr.port;
    this.#server = server;
  }

  /**
   * Listens at a free port of the address by which this machine reaches another one.
   *
   * @param toward the host that will call
   * @param take is given each call's text, and gives the answer's; `undefined`: it was no call
   */
  static listen(toward: string, take: (text: string) => string | undefined): CallReceiver {
    const host = addressToward(toward);
    const server = Deno.serve({ hostname: host, port: 0, onListen: () => {} }, async (request) => {
      if (request.method !== "POST") return new Response(null, { status: 405 });
      const text = await request.text();
      if (text.length > MAX_CALL) return new Response(null, { status: 413 });
      const answer = take(text);
      return answer === undefined
        ? new Response(null, { status: 400 })
        : new Response(answer, { headers: { "content-type": "text/xml" } });
    });
    return new CallReceiver(host, server);
  }

  /** Takes no more calls; resolves when those that were taken are answered. */
  async close(): Promise<void> {
    await this.#server.shutdown();
  }
}

/** The address that packets to a host leave from: nothing is sent to find out. */
function addressToward(host: string): string {
  if (/^127\.|^localhost$/.test(host)) return "127.0.0.1";
  const own = Deno.networkInterfaces().find((each) =>
    each.family === "IPv4" && !each.address.startsWith("127.")
  );
  return own?.address ?? "127.0.0.1";
}
