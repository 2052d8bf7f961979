import { assertEquals, assertRejects } from "@std/assert";
import { type Channel, channelPair } from "../../rpc/channel.ts";
import { Peer } from "../../rpc/peer.ts";
import { macrotask } from "../../system/macrotask.ts";
import { WireError } from "../../wire/errors.ts";
import { failure, isRequest, notification, type Request, success } from "../../wire/messages.ts";

/** A peer, its other end, and what it was notified of. */
class Setup implements AsyncDisposable {
  readonly other: Channel;
  readonly peer: Peer<Error>;
  readonly methods: string[] = [];
  busy: Promise<void> | undefined;

  constructor() {
    const [near, far] = channelPair();
    this.other = far;
    this.peer = new Peer(near, {
      notified: ({ method }) => void this.methods.push(method),
      busy: () => this.busy,
      endError: (cause) => new Error(`ended: ${String(cause)}`),
    });
  }

  /** Receives requests. */
  async requests(): Promise<Request[]> {
    return (await this.other.receive() ?? []).flatMap((each) =>
      each.kind === "message" && isRequest(each.message) ? [each.message] : []
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.peer.close();
    await this.peer.ended;
  }
}

Deno.test("a peer sends the calls of a turn together, and matches replies by their ids", async () => {
  await using setup = new Setup();
  const calls = ["a", "b", "c"].map((method) => setup.peer.call(method));
  const requests = await setup.requests();
  assertEquals(requests.map(({ method }) => method), ["a", "b", "c"]);
  for (const { id, method } of requests.toReversed()) setup.other.send(success(id, method));
  assertEquals(await Promise.all(calls.map(({ reply }) => reply)), ["a", "b", "c"]);
  assertEquals(setup.peer.pending, 0);
});

Deno.test("a peer rejects a call with the error that is answered", async () => {
  await using setup = new Setup();
  const { reply, settled } = setup.peer.call("a");
  const [request] = await setup.requests();
  setup.other.send(failure(request?.id ?? 0, new WireError("busy", "Busy")));
  await assertRejects(() => reply, WireError, "Busy");
  assertEquals(settled.aborted, true);
});

Deno.test("a peer ignores the reply to a call that its caller has rejected", async () => {
  await using setup = new Setup();
  const call = setup.peer.call("a");
  const [request] = await setup.requests();
  call.reject(new Error("no longer waited for"));
  setup.other.send(success(request?.id ?? 0, "late"));
  await setup.other.outbox.drained();
  await assertRejects(() => call.reply, Error, "no longer waited for");
});

Deno.test("a peer receives nothing while its handler is busy", async () => {
  await using setup = new Setup();
  const gate = Promise.withResolvers<void>();
  setup.busy = gate.promise;
  setup.other.send(notification("first"));
  await setup.other.outbox.drained();
  setup.other.send(notification("second"));
  await macrotask();
  assertEquals(setup.methods, ["first"]);
  setup.busy = undefined;
  gate.resolve();
  await setup.other.outbox.drained();
  assertEquals(setup.methods, ["first", "second"]);
});

Deno.test("pending and later calls fail when the connection ends", async () => {
  await using setup = new Setup();
  const { reply } = setup.peer.call("a");
  setup.other.close();
  await assertRejects(() => reply, Error, "ended: undefined");
  assertEquals((await setup.peer.ended).message, "ended: undefined");
  await assertRejects(() => setup.peer.call("b").reply, Error, "ended: undefined");
});

Deno.test("a reply without an id ends the connection with its error", async () => {
  await using setup = new Setup();
  const { reply } = setup.peer.call("a");
  setup.other.send(failure(null, new WireError("parseError", "The line is not JSON")));
  await assertRejects(() => reply, WireError, "The line is not JSON");
  assertEquals((await setup.peer.ended).message, "ended: WireError: The line is not JSON");
});
