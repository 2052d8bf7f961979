import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { encodeFrame, PickleFrameDecoder } from "../../bitbake/frames.ts";
import {
  decode,
  encode,
  PickleError,
  PyByteArray,
  PyDict,
  PyFloat,
  PyFrozenSet,
  PyObject,
  PySet,
  PyTuple,
  type PyValue,
} from "../../bitbake/pickle/mod.ts";

const PEER = new URL("../peers/pickle_peer.py", import.meta.url).pathname;
const VALUES = 5_000;

/** Describes a value exactly, in the peer's notation. */
function said(value: PyValue): string {
  if (value === null) return "N";
  if (typeof value === "boolean") return value ? "T" : "F";
  if (typeof value === "number" || typeof value === "bigint") return `i${value.toString(16)}`;
  if (typeof value === "string") {
    let hex = "";
    for (let at = 0; at < value.length; at++) {
      hex += value.charCodeAt(at).toString(16).padStart(4, "0");
    }
    return `s${hex}`;
  }
  if (value instanceof Uint8Array) return `b${value.toHex()}`;
  if (value instanceof PyFloat) return `f${floatHex(value.value)}`;
  if (value instanceof PyByteArray) return `B${value.bytes.toHex()}`;
  if (Array.isArray(value)) return `[${value.map(said).join(",")}]`;
  if (value instanceof PyTuple) return `(${value.items.map(said).join(",")})`;
  if (value instanceof PyDict) {
    return `{${[...value.entries()].map(([key, each]) => `${said(key)}:${said(each)}`).join(",")}}`;
  }
  if (value instanceof PySet) return `<${[...value.values()].map(said).sort().join(",")}>`;
  if (value instanceof PyFrozenSet) return `|${[...value.values()].map(said).sort().join(",")}|`;
  return "?";
}

function floatHex(value: number): string {
  if (Number.isNaN(value)) return "nan";
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value);
  return bytes.toHex();
}

Deno.test("5,000 Python values of every protocol are decoded and encoded without a difference", async () => {
  const child = new Deno.Command("python3", {
    args: [PEER, String(Math.floor(Math.random() * 2 ** 31)), String(VALUES)],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const frames: Uint8Array[] = [];
  const decoder = new PickleFrameDecoder();
  const reader = child.stdout.getReader();
  let rest = "";
  while (frames.length < 2 * VALUES) {
    const { value, done } = await reader.read();
    assert(!done && value !== undefined, "the peer ended");
    for (const frame of decoder.push(value)) frames.push(frame);
  }
  const writer = child.stdin.getWriter();
  const text = new TextDecoder();
  for (let number = 0; number < VALUES; number++) {
    const value = decode(frames[2 * number] ?? new Uint8Array());
    const expected = text.decode(frames[2 * number + 1]);
    if (expected !== "") assertEquals(said(value), expected, `value ${number}`);
    await writer.write(encodeFrame(encode(value)));
  }
  await writer.close();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    rest += text.decode(part.value, { stream: true });
  }
  assertEquals((await child.status).code, 0);
  assertEquals(rest, "all the same\n");
});

Deno.test("each of 100,000 damaged pickles is decoded or rejected with a PickleError", () => {
  const seeds = [
    encode([1, "two", new PyFloat(3), new PyTuple([null, true]), PyDict.from({ a: [2n ** 70n] })]),
    encode(PyObject.of("bb.event", "BuildStarted", { name: "x", failures: 0 })),
    encode(new PySet([1, "a", new PyTuple([2])])),
    Uint8Array.fromHex("80045d94288c0b7365744665617475726573945d94284b024b0165652e"),
    new TextEncoder().encode("(lp0\nI1\naF2.5\naS'three'\np1\na(dp2\ng1\nI4\nsa."),
  ];
  let state = 4711;
  const random = (limit: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >> 8) % limit;
  };
  let values = 0;
  for (let round = 0; round < 100_000; round++) {
    const bytes = (seeds[round % seeds.length] ?? new Uint8Array()).slice();
    for (let change = 0; change <= random(4); change++) bytes[random(bytes.length)] = random(256);
    const cut = random(10) === 0 ? random(bytes.length) : bytes.length;
    try {
      decode(bytes.subarray(0, cut), { maxBytes: 1 << 20, maxContainers: 10_000, maxMemo: 10_000 });
      values++;
    } catch (error) {
      if (!(error instanceof PickleError)) throw error;
    }
  }
  assert(values > 0 && values < 100_000);
});

Deno.test("an instance is decoded as a record, and its class is neither looked up nor called", () => {
  const evil = new TextEncoder().encode("cos\nsystem\n(S'exit 1'\ntR.");
  const value = decode(evil);
  assert(value instanceof PyObject);
  assertEquals([value.module, value.name, value.args.items], ["os", "system", ["exit 1"]]);
});

Deno.test("unsupported, incomplete and oversized pickles are rejected with a reason", () => {
  const refused: [string, Uint8Array][] = [
    ["persistent", new TextEncoder().encode("Pabc\n.")],
    ["extension", Uint8Array.fromHex("8002820a2e")],
    ["protocol", Uint8Array.fromHex("80094e2e")],
    ["end", Uint8Array.fromHex("80045d94")],
  ];
  for (const [what, bytes] of refused) {
    const error = assertThrows(() => decode(bytes), PickleError);
    assert(error.message.length > 10, what);
  }
  let deep: PyValue = [];
  for (let level = 0; level < 500; level++) deep = [deep];
  assertThrows(() => decode(encode(deep), { maxDepth: 100 }), PickleError);
  assertThrows(() => decode(encode("x".repeat(1000)), { maxBytes: 100 }), PickleError);
});

const TRANSCRIPTS = new URL("./transcripts/", import.meta.url);

Deno.test("every recorded message is decoded, and Python finds its encoding equal", async () => {
  const pairs: string[] = [];
  for await (const { name } of Deno.readDir(TRANSCRIPTS)) {
    const text = await Deno.readTextFile(new URL(name, TRANSCRIPTS));
    for (const line of text.split("\n").filter((each) => each !== "")) {
      const { pickle } = JSON.parse(line) as { pickle?: string };
      if (pickle === undefined || pickle === null) continue;
      pairs.push(`${pickle} ${encode(decode(Uint8Array.fromHex(pickle))).toHex()}`);
    }
  }
  assert(pairs.length > 500, `${pairs.length} messages`);
  const child = new Deno.Command("python3", {
    args: [new URL("../peers/same_pickles.py", import.meta.url).pathname],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(pairs.join("\n")));
  await writer.close();
  const { stdout } = await child.output();
  assertStringIncludes(new TextDecoder().decode(stdout), `${pairs.length} the same`);
});
