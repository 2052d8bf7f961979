/** XML-RPC: encoding of values, and handling of invalid HTTP and XML. */

import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import { decodeCall, decodeResponse } from "../../xmlrpc/decoder.ts";
import { encodeCall, encodeFault, encodeResponse } from "../../xmlrpc/encoder.ts";
import { HttpError } from "../../xmlrpc/http_message.ts";
import { serveHttp } from "../../xmlrpc/http_server.ts";
import { isToken, newToken } from "../../xmlrpc/token.ts";
import { XmlRpcFault, type XmlRpcValue } from "../../xmlrpc/values.ts";
import { XmlRpcSyntaxError } from "../../xmlrpc/xml.ts";
import { FakeClock } from "../../system/fake_clock.ts";
import { type ByteStream, memoryPair, writeAll } from "../../system/net/streams.ts";
import { bytesOf, post, readAll, XmlRpcServer } from "./support.ts";

const CALL = encodeCall("addClient", []);

/** Invalid requests: the mistake, the request, and the expected status. */
const WRONG: readonly [string, string, number][] = [
  ["another method", post(CALL).replace("POST", "GET"), 405],
  ["a browser's preflight request", post(CALL).replace("POST", "OPTIONS"), 405],
  ["another path", post(CALL).replace("/RPC2", "/etc"), 404],
  ["another version", post(CALL).replace("HTTP/1.1", "HTTP/2.0"), 505],
  ["no version", post(CALL).replace(" HTTP/1.1", ""), 505],
  ["no HTTP at all", "\x16\x03\x01\r\n\r\n", 400],
  ["a folded header field", post(CALL).replace("\r\nHost", "\r\n Host"), 400],
  ["a space before the colon", post(CALL).replace("Host:", "Host :"), 400],
  ["no length", post(CALL).replace(/Content-Length: \d+\r\n/, ""), 411],
  ["a chunked body", post(CALL, { "Transfer-Encoding": "chunked" }), 411],
  ["two lengths", post(CALL, { "content-length": "5" }), 400],
  ["a negative length", post(CALL, { "Content-Length": "-1" }), 400],
  ["two tokens", post(CALL, { "Bitbake-token": "a", "bitbake-Token": "b" }), 400],
  ["a body that is too long", post("", { "Content-Length": "1048577" }), 413],
  ["a head that is too long", post(CALL, { "X": "x".repeat(20_000) }), 431],
  ["another type", post(CALL, { "Content-Type": "text/plain" }), 415],
  ["a compressed body", post(CALL, { "Content-Encoding": "gzip" }), 415],
  ["a web page", post(CALL, { Origin: "https://example.org" }), 403],
  ["a name that is not this machine's", post(CALL, { Host: "example.org:8200" }), 403],
  ["no XML", post("addClient"), 400],
  ["other XML", post("<a/>"), 400],
  ["a response", post(encodeResponse(1)), 400],
  ["half of the XML", post(CALL.slice(0, 50)), 400],
  ["no UTF-8", post("\xff\xfe").replace(/Length: 4/, "Length: 2"), 400],
];

Deno.test("XML-RPC invalid requests are answered with the matching HTTP status", async () => {
  await using server = new XmlRpcServer();
  for (const [name, request, status] of WRONG) {
    const answer = await server.raw(request);
    assertMatch(answer, new RegExp(`^HTTP/1.1 ${status} [A-Z]`), name);
    assertStringIncludes(answer, "Connection: close\r\n", name);
  }
  assertEquals(server.logged.includes("error"), false, server.logged);
  assertMatch(await server.raw(post(CALL)), /^HTTP\/1.1 200 OK[^]*<string>[0-9a-f]{32}</);
});

Deno.test("XML-RPC a connection may carry several requests, even in one piece", async () => {
  await using server = new XmlRpcServer();
  const keep = post(CALL, { Connection: "keep-alive" });
  const answer = await server.raw(keep + keep + post(CALL));
  assertEquals(answer.match(/HTTP\/1.1 200 OK/g)?.length, 3);
  assertEquals(answer.match(/<nil\/>/g)?.length, 2);
});

Deno.test("XML-RPC an idle connection is closed after 10 s without a response", async () => {
  await using server = new XmlRpcServer();
  const stream = server.connect();
  await writeAll(stream, bytesOf(post(CALL, { Connection: "keep-alive" })));
  const answer = readAll(stream);
  await server.clock.advance(0);
  await server.clock.advance(10_000);
  assertEquals((await answer).match(/HTTP\/1.1 \d+/g), ["HTTP/1.1 200"]);
});

Deno.test("XML-RPC a client that sends Expect: 100-continue gets 100 Continue before it sends its body", async () => {
  await using server = new XmlRpcServer();
  const stream = server.connect();
  const [head = ""] = post(CALL, { Expect: "100-continue" }).split("<?xml");
  await writeAll(stream, bytesOf(head));
  const buffer = new Uint8Array(100);
  const count = await stream.read(buffer) ?? 0;
  assertEquals(
    new TextDecoder().decode(buffer.subarray(0, count)),
    "HTTP/1.1 100 Continue\r\n\r\n",
  );
  await writeAll(stream, bytesOf(CALL));
  assertStringIncludes(await readAll(stream), "200 OK");
});

Deno.test("XML-RPC an incomplete request times out after 10 s, even if it makes progress", async () => {
  await using server = new XmlRpcServer();
  const request = bytesOf(post(CALL));
  for (const amount of [0, 1, 30, request.length - 1]) {
    const stream = server.connect();
    await server.clock.advance(0);
    if (amount > 0) await writeAll(stream, request.subarray(0, amount));
    await server.clock.advance(9_999);
    if (amount > 0) await writeAll(stream, request.subarray(amount, amount + 1));
    if (amount + 1 === request.length) {
      assertStringIncludes(await readAll(stream), "200 OK");
      continue;
    }
    const answer = readAll(stream);
    await server.clock.advance(1);
    assertMatch(await answer, amount === 0 ? /^$/ : /^HTTP\/1.1 408 /);
  }
});

Deno.test("XML-RPC a client that does not read its response is disconnected", async () => {
  const clock = new FakeClock();
  const [near, far] = memoryPair(1000);
  let isOver = false;
  const serving = serveHttp(far, {
    clock,
    limits: {},
    isLocal: true,
    ending: new AbortController().signal,
    answer: () => Promise.resolve("x".repeat(100_000)),
  }).then(() => isOver = true);
  await writeAll(near, bytesOf(post("<a/>", { Connection: "keep-alive" })));
  while (!isOver) await clock.advance(1000);
  await serving;
  near.close();
});

Deno.test("XML-RPC a connection that is limited to one request is closed after its response", async () => {
  const stream = streamOf(bytesOf(post("<a/>", { Connection: "keep-alive" }).repeat(2)));
  await serveHttp(stream, {
    clock: new FakeClock(),
    limits: { maxRequests: 1 },
    isLocal: true,
    ending: new AbortController().signal,
    answer: () => Promise.resolve("<ok/>"),
  });
  assertMatch(stream.written(), /^HTTP\/1\.1 200 OK\r\n[^]*Connection: close\r\n\r\n<ok\/>$/);
});

/** Stream that delivers `bytes` in pieces and ends. Records what is written. */
function streamOf(bytes: Uint8Array): ByteStream & { readonly written: () => string } {
  let at = 0;
  let written = "";
  const decoder = new TextDecoder();
  return {
    read: (buffer) => {
      const piece = bytes.subarray(at, at + Math.min(buffer.length, 7 + at % 97));
      buffer.set(piece);
      at += piece.length;
      return Promise.resolve(piece.length === 0 ? null : piece.length);
    },
    write: (piece) => {
      written += decoder.decode(piece);
      return Promise.resolve(piece.length);
    },
    close: () => {},
    written: () => written,
  };
}

/** Generates copies of `original` with some bytes changed, removed or repeated. */
function mutantsOf(original: Uint8Array): fc.Arbitrary<Uint8Array> {
  const place = fc.nat(original.length - 1);
  const telling = fc.constantFrom(...bytesOf("<>&;/ \r\n:\0\xff0-"));
  const change = fc.oneof(
    fc.record({ kind: fc.constant("set"), at: place, byte: telling, count: fc.constant(1) }),
    fc.record({ kind: fc.constant("cut"), at: place, byte: telling, count: fc.nat(20) }),
    fc.record({ kind: fc.constant("double"), at: place, byte: telling, count: fc.nat(200) }),
  );
  return fc.array(change, { minLength: 1, maxLength: 4 }).map((changes) => {
    let bytes = [...original];
    for (const { kind, at, byte, count } of changes) {
      const piece = bytes.slice(at, at + count);
      if (kind === "set") bytes[at] = byte;
      else if (kind === "cut") bytes.splice(at, count);
      else bytes = [...bytes.slice(0, at), ...piece, ...bytes.slice(at)];
    }
    return Uint8Array.from(bytes);
  });
}

const RICH = encodeCall("runCommand", [
  ["runTasks", { tasks: ["a", "b"], env: { PATH: "/bin" }, jobs: 2, x: 1.5, y: null, z: true }],
  new Uint8Array([0, 255, 3]),
]);

Deno.test("XML-RPC each of 3000 broken requests gets a valid response or none", async () => {
  const clock = new FakeClock();
  const ending = new AbortController().signal;
  const answer = ({ body }: { readonly body: string }): Promise<string> => {
    try {
      decodeCall(body);
    } catch (error) {
      if (!(error instanceof XmlRpcSyntaxError)) throw error;
      throw new HttpError(400, error.message);
    }
    return Promise.resolve("<ok/>");
  };
  await fc.assert(
    fc.asyncProperty(mutantsOf(bytesOf(post(RICH))), async (request) => {
      const stream = streamOf(request);
      await serveHttp(stream, { clock, limits: {}, isLocal: true, ending, answer });
      assertMatch(stream.written(), /^(HTTP\/1\.1 (200|100|4\d\d|505) |$)/);
    }),
    { numRuns: 3000 },
  );
  assertEquals(clock.sleeping, 0);
});

Deno.test("XML-RPC each of 5000 broken documents is decoded or rejected with a reason", () => {
  const decoder = new TextDecoder();
  fc.assert(
    fc.property(mutantsOf(bytesOf(RICH)), (bytes) => {
      try {
        decodeCall(decoder.decode(bytes));
      } catch (error) {
        if (!(error instanceof XmlRpcSyntaxError)) throw error;
        assert(error.message.length > 0);
      }
    }),
    { numRuns: 5000 },
  );
});

/** Generates XML-RPC values up to a depth. */
const values: fc.Arbitrary<XmlRpcValue> = fc.letrec<{ value: XmlRpcValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
    // deno-lint-ignore no-control-regex -- what XML can't hold is replaced
    fc.string({ unit: "grapheme" }).filter((text) => !/[\x00-\x08\x0b-\x0c\x0e-\x1f]/.test(text)),
    fc.uint8Array(),
    fc.array(tie("value"), { maxLength: 5 }),
    fc.dictionary(fc.string(), tie("value"), { maxKeys: 5, noNullPrototype: true }),
  ),
})).value;

Deno.test("XML-RPC values are decoded as they were encoded", () => {
  fc.assert(
    fc.property(fc.array(values), (params) => {
      assertEquals(decodeCall(encodeCall("method", params)), { method: "method", params });
      assertEquals(decodeResponse(encodeResponse(params)), params);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("XML-RPC integers beyond 32 bits are encoded as doubles, and NaN and infinities are an error", () => {
  assertStringIncludes(encodeResponse(2 ** 31 - 1), "<int>2147483647</int>");
  assertStringIncludes(encodeResponse(-(2 ** 31)), "<int>-2147483648</int>");
  assertStringIncludes(encodeResponse(2 ** 31), "<double>2147483648</double>");
  assertStringIncludes(encodeResponse(1e300), "<double>1e+300</double>");
  for (const number of [NaN, Infinity, -Infinity]) {
    assertThrows(() => encodeResponse(number), TypeError);
  }
});

Deno.test("XML-RPC characters that XML cannot represent are replaced", () => {
  assertEquals(decodeResponse(encodeResponse("a\0b\ud800c\r\n]]>")), "a\ufffdb\ufffdc\r\n]]>");
});

Deno.test("XML-RPC an encoded fault is decoded as a fault", () => {
  const text = encodeFault(new XmlRpcFault("<no> & never"));
  const fault = assertThrows(() => decodeResponse(text), XmlRpcFault, "<no> & never");
  assertEquals(fault.code, 1);
});

/** Encodes a call with one parameter. */
function call(value: string): string {
  const param = `<param><value>${value}</value></param>`;
  return `<methodCall><methodName>m</methodName><params>${param}</params></methodCall>`;
}

Deno.test("XML-RPC a value without a type is a string, and whitespace between elements is ignored", () => {
  assertEquals(decodeCall(call(" a ")).params, [" a "]);
  assertEquals(decodeCall(call("\n <int> 1 </int>\n")).params, [1]);
  assertEquals(decodeCall(call("<string><![CDATA[<a>]]>&amp;</string>")).params, ["<a>&"]);
});

Deno.test("XML-RPC invalid values are rejected", () => {
  const wrong = [
    "<int>1.0</int>",
    "<int>2147483648</int>",
    "<int></int>",
    "<boolean>true</boolean>",
    "<double>NaN</double>",
    "<double>0x1</double>",
    "<base64>?</base64>",
    "<i99>1</i99>",
    "<nil>0</nil>",
    "a<int>1</int>",
    "<int>1</int><int>2</int>",
    "<array><value>1</value></array>",
    "<struct><member><value>1</value></member></struct>",
    "&unknown;",
    "<string>\0</string>",
  ];
  for (const value of wrong) assertThrows(() => decodeCall(call(value)), XmlRpcSyntaxError);
});

Deno.test("XML-RPC entities are not expanded, and depth and number of elements are limited", () => {
  const doctype = '<!DOCTYPE a [<!ENTITY b "x"><!ENTITY c SYSTEM "file:///etc/passwd">]>';
  assertThrows(() => decodeCall(doctype + call("&b;")), XmlRpcSyntaxError, "document type");
  const open = "<array><data><value>".repeat(40_000);
  assertThrows(() => decodeCall(call(open)), XmlRpcSyntaxError, "nested too deeply");
  const many = `<array><data>${"<value/>".repeat(250_000)}</data></array>`;
  assertThrows(() => decodeCall(call(many)), XmlRpcSyntaxError, "too many elements");
  const nested = 50;
  const deep = call(
    "<array><data><value>".repeat(nested) + "x" + "</value></data></array>".repeat(nested),
  );
  assertEquals(JSON.stringify(decodeCall(deep).params).replaceAll(/[[\]]/g, ""), '"x"');
});

Deno.test("XML-RPC a struct may have members of any name", () => {
  const members = ["__proto__", "constructor", "toString"].map((name) =>
    `<member><name>${name}</name><value>1</value></member>`
  );
  const [value] = decodeCall(call(`<struct>${members.join("")}</struct>`)).params;
  assertEquals(Object.keys(value ?? {}), ["__proto__", "constructor", "toString"]);
  assertEquals(Object.getPrototypeOf(value), Object.prototype);
});

Deno.test("XML-RPC tokens are 128 random bits, and only an identical token matches", () => {
  const tokens = Array.from({ length: 1000 }, newToken);
  assertEquals(new Set(tokens).size, 1000);
  const [token = "", other = ""] = tokens;
  assertMatch(token, /^[0-9a-f]{32}$/);
  assert(isToken(token, token));
  for (const wrong of ["", other, token + token, token.slice(1), token.toUpperCase() + "A"]) {
    assertEquals(isToken(wrong, token), false);
  }
});
