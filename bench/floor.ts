/**
 * Floor client of the benchmark, the minimum of a client on Deno: connects to a socket, writes one
 * line and reads one.
 *
 * @module
 */

const connection = await Deno.connect({ transport: "unix", path: Deno.args[0] ?? "" });
await connection.write(new TextEncoder().encode("hello\n"));
await connection.read(new Uint8Array(4096));
connection.close();
