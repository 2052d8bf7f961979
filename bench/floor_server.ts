/**
 * The other end of the least that a client does: it answers each line.
 *
 * @module
 */

/** Answers the first line of every connection, until it is disposed of. */
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
