/**
 * The least that a client on Deno does: it connects to a server's socket, says one line and reads
 * one.
 *
 * @module
 */

const connection = await Deno.connect({ transport: "unix", path: Deno.args[0] ?? "" });
const hello = {
  jsonrpc: "2.0",
  id: 1,
  method: "hello",
  params: {
    protocol: 1,
    version: "0.1.0",
    role: "observer",
    client: { pid: Deno.pid, command: "bench" },
  },
};
await connection.write(new TextEncoder().encode(`${JSON.stringify(hello)}\n`));
await connection.read(new Uint8Array(4096));
connection.close();
