/**
 * Server for the floor client of the benchmark. It answers each connection with one line.
 *
 * @module
 */

/** Answers the first line of every connection, until the result is disposed. */
export function serveFloor(path: string): Disposable {
  const listener = Deno.listen({ transport: "unix", path });
  void (async () => {
    for await (const connection of listener) {
      await connection.read(new Uint8Array(4096));
      await connection.write(new TextEncoder().encode("hello\n"));
      connection.close();
    }
  })();
  return { [Symbol.dispose]: () => listener.close() };
}
