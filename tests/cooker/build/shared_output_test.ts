import { assert, assertEquals } from "@std/assert";
import { SharedOutput } from "../../../cooker/build/shared_output.ts";
import { macrotask } from "../../../system/macrotask.ts";

const MIB = 1024 * 1024;

/** A reader that takes pieces only when the test lets it. */
class Reader {
  bytes = 0;
  readonly seen: number[] = [];
  #gate: PromiseWithResolvers<void> | undefined;

  async write(_: unknown, bytes: Uint8Array): Promise<void> {
    this.bytes += bytes.length;
    this.seen.push(bytes[0] ?? 0);
    await this.#gate?.promise;
  }

  stall(): void {
    this.#gate = Promise.withResolvers();
  }

  flow(): void {
    this.#gate?.resolve();
    this.#gate = undefined;
  }
}

function piece(length: number, mark = 0): Uint8Array {
  return new Uint8Array(length).fill(mark);
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await macrotask();
}

Deno.test("SharedOutput passes all output to each reader, also from its file", async () => {
  const output = new SharedOutput();
  const [early, slow, late] = [new Reader(), new Reader(), new Reader()];
  slow.stall();
  const readings = [output.read(early), output.read(slow)];
  for (let mark = 0; mark < 30; mark++) await output.write("stdout", piece(100_000, mark));
  readings.push(output.read(late));
  output.end();
  slow.flow();
  await Promise.all(readings.map(({ done }) => done));
  for (const { bytes } of [early, slow, late]) assertEquals(bytes, 3_000_000);
  assertEquals([output.readers, output.held], [0, { pieces: 0, bytes: 0, hasFile: false }]);
});

Deno.test("SharedOutput holds the process back while its only reader is behind, but not for one of several", async () => {
  const output = new SharedOutput();
  const [one, other] = [new Reader(), new Reader()];
  one.stall();
  const reading = output.read(one);
  let isTaken = false;
  const taken = output.write("stdout", piece(1)).then(() => isTaken = true);
  await turns();
  assertEquals(isTaken, false);
  const second = output.read(other);
  await taken;
  await output.write("stdout", piece(1));
  output.end();
  await second.done;
  one.flow();
  await reading.done;
  assertEquals([one.bytes, other.bytes], [2, 2]);
});

Deno.test("SharedOutput of a task that runs for long takes a bounded amount of memory, and no file", async () => {
  const output = new SharedOutput();
  const reader = new Reader();
  const reading = output.read(reader);
  for (let count = 0; count < 80; count++) await output.write("stdout", piece(MIB));
  assertEquals(output.isWhole, false);
  for (let count = 0; count < 10_000; count++) await output.write("stderr", piece(10));
  const { pieces, bytes, hasFile } = output.held;
  assert(pieces < 10 && bytes <= MIB && !hasFile, JSON.stringify(output.held));
  output.end();
  await reading.done;
  assertEquals(reader.bytes, 80 * MIB + 100_000);
});

Deno.test("SharedOutput ends the reading of a build that leaves in the middle of a piece", async () => {
  const output = new SharedOutput();
  const [one, other] = [new Reader(), new Reader()];
  const readings = [output.read(one), output.read(other)] as const;
  other.stall();
  for (let count = 0; count < 70; count++) await output.write("stdout", piece(MIB));
  output.end();
  await readings[0].done;
  readings[1].leave();
  other.flow();
  await readings[1].done;
  assertEquals(one.bytes, 70 * MIB);
  assert(other.bytes <= MIB);
  assertEquals(output.held, { pieces: 0, bytes: 0, hasFile: false });
});
