import { assertEquals, assertThrows } from "@std/assert";
import { ERROR_CODES, WireError } from "../../wire/errors.ts";
import {
  failure,
  isNotification,
  isRequest,
  isResponse,
  type Message,
  notification,
  parseMessage,
  request,
  success,
} from "../../wire/messages.ts";

Deno.test("parseMessage reads back every kind of message", () => {
  const messages: [Message, (message: Message) => boolean][] = [
    [request(1, "ping", {}), isRequest],
    [request("a", "ping"), isRequest],
    [notification("event", { type: "Heartbeat" }), isNotification],
    [notification("bye"), isNotification],
    [success(1, { a: [1] }), isResponse],
    [success(0, undefined), isResponse],
    [failure(2, new WireError("busy", "Busy (runTasks in progress)", { position: 1 })), isResponse],
    [failure(null, new WireError("parseError", "no")), isResponse],
  ];
  for (const [message, isKind] of messages) {
    assertEquals(parseMessage(JSON.stringify(message)), message);
    assertEquals([isRequest, isNotification, isResponse].filter((is) => is(message)), [isKind]);
  }
});

const REJECTED: readonly [string, keyof typeof ERROR_CODES, string][] = [
  ["{", "parseError", "not JSON"],
  ["", "parseError", "not JSON"],
  ["[]", "invalidRequest", "Batches"],
  ["1", "invalidRequest", "JSON object"],
  ["null", "invalidRequest", "JSON object"],
  ["{}", "invalidRequest", '"jsonrpc"'],
  ['{"jsonrpc":"1.0","method":"a"}', "invalidRequest", '"jsonrpc"'],
  ['{"jsonrpc":"2.0","method":1}', "invalidRequest", '"method" is a string'],
  ['{"jsonrpc":"2.0","method":"a","params":1}', "invalidRequest", '"params"'],
  ['{"jsonrpc":"2.0","method":"a","params":null}', "invalidRequest", '"params"'],
  ['{"jsonrpc":"2.0","method":"a","id":null}', "invalidRequest", '"id"'],
  ['{"jsonrpc":"2.0","method":"a","id":{}}', "invalidRequest", '"id"'],
  ['{"jsonrpc":"2.0","id":1}', "invalidRequest", "one of the members"],
  ['{"jsonrpc":"2.0","id":1,"error":1}', "invalidRequest", '"error"'],
  ['{"jsonrpc":"2.0","id":1,"error":null}', "invalidRequest", '"error"'],
  ['{"jsonrpc":"2.0","id":[],"result":1}', "invalidRequest", '"id"'],
];

for (const [text, code, words] of REJECTED) {
  Deno.test(`parseMessage rejects ${text || "an empty line"} with ${code}`, () => {
    const error = assertThrows(() => parseMessage(text), WireError, words);
    assertEquals(error.code, ERROR_CODES[code]);
  });
}
