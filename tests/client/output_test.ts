import { assertEquals } from "@std/assert";
import { brokenExit, Output } from "../../client/output.ts";
import { isReaderGone } from "../../system/output_failure.ts";
import { Recorder } from "./support.ts";

Deno.test("output keeps its order across both streams and joins consecutive writes to the same stream", async () => {
  const { output, writes } = new Recorder();
  output.write("stdout", "a");
  output.write("stdout", new Uint8Array([0x62]));
  output.write("stderr", "c");
  output.write("stdout", "d");
  await output.settled;
  assertEquals(writes, [["stdout", "ab"], ["stderr", "c"], ["stdout", "d"]]);
  assertEquals(output.settled, undefined);
});

Deno.test("output for streams that share a connection is written together, in order", async () => {
  const writes: string[][] = [];
  const output = new Output((pieces) => {
    const decoder = new TextDecoder();
    writes.push(pieces.map(({ stream, bytes }) => `${stream} ${decoder.decode(bytes)}`));
    return Promise.resolve();
  });
  output.write("stdout", "a");
  output.write("stderr", "b");
  output.write("stderr", new Uint8Array([0x63]));
  await Promise.resolve();
  output.write("stdout", "d");
  await output.settled;
  assertEquals(writes, [["stdout a", "stderr bc", "stdout d"]]);
});

Deno.test("an action is performed between the output before it and the output after it", async () => {
  for (const isTogether of [true, false]) {
    const steps: string[] = [];
    const decoder = new TextDecoder();
    const write = (bytes: Uint8Array): Promise<number> => {
      steps.push(decoder.decode(bytes));
      return Promise.resolve(bytes.length);
    };
    const output = new Output(
      isTogether
        ? async (pieces) => {
          for (const { bytes } of pieces) await write(bytes);
        }
        : { stdout: { write }, stderr: { write } },
    );
    output.write("stdout", "a");
    output.perform(() => void steps.push("action"));
    output.write("stdout", "b");
    await output.settled;
    assertEquals(steps, ["a", "action", "b"]);
  }
});

Deno.test("output to a connection that fails is discarded for both streams", async () => {
  const failure = new Error("the connection is broken");
  const output = new Output(() => Promise.reject(failure));
  output.write("stderr", "a");
  output.write("stdout", "b");
  assertEquals(await output.broken, failure);
  assertEquals(output.failure, { stream: "stderr", error: failure });
  output.write("stdout", "more");
  assertEquals(output.settled, undefined);
});

Deno.test("output continues after a partial write", async () => {
  let text = "";
  const writer = {
    write: (bytes: Uint8Array): Promise<number> => {
      text += String.fromCharCode(bytes[0] ?? 0);
      return Promise.resolve(1);
    },
  };
  const output = new Output({ stdout: writer, stderr: writer });
  output.write("stdout", "abc");
  await output.settled;
  assertEquals(text, "abc");
});

Deno.test("output reports that its reader has gone, and discards the rest", async () => {
  const writer = { write: () => Promise.reject(new Deno.errors.BrokenPipe()) };
  const output = new Output({ stdout: writer, stderr: writer });
  output.write("stdout", "abc");
  const error = await output.broken;
  assertEquals(isReaderGone(error), true);
  output.write("stdout", "more");
  assertEquals(output.settled, undefined);
});

Deno.test("isReaderGone is false for a full disk", () => {
  assertEquals(isReaderGone(new Error("No space left on device (os error 28)")), false);
});

Deno.test("a stream on a full disk leaves the other stream usable, and has its own exit code", async () => {
  const written: string[] = [];
  const full = new Error("No space left on device (os error 28)");
  const output = new Output({
    stdout: { write: () => Promise.reject(full) },
    stderr: {
      write: (bytes) => {
        written.push(new TextDecoder().decode(bytes));
        return Promise.resolve(bytes.length);
      },
    },
  });
  output.write("stdout", "a");
  output.write("stderr", "b");
  output.write("stdout", "c");
  await output.settled;
  assertEquals(written, ["b"]);
  assertEquals(output.failure, { stream: "stdout", error: full });
  assertEquals([brokenExit(full), brokenExit(new Deno.errors.BrokenPipe())], [74, 141]);
});

Deno.test("the hook before a flush adds to the output, and is called for output that comes meanwhile", async () => {
  const written: string[] = [];
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const { promise: done, resolve: finish } = Promise.withResolvers<void>();
  const output = new Output(async (pieces) => {
    written.push(pieces.map(({ bytes }) => new TextDecoder().decode(bytes)).join(""));
    begin();
    await done;
  });
  let calls = 0;
  output.beforeDrain = () => output.write("stderr", `<${++calls}>`);
  output.write("stdout", "one");
  await begun;
  output.write("stdout", "two");
  finish();
  await output.settled;
  assertEquals(written, ["one<1>", "two<2>"]);
});
