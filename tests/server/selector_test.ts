import { assert, assertEquals } from "@std/assert";
import { Selector } from "../../server/selector.ts";
import { Latch, type Source } from "../../system/source.ts";

/** Source that is always ready. */
class Endless implements Source<number> {
  readonly name = "endless";
  reads = 0;

  read(): Promise<number> {
    return Promise.resolve(++this.reads);
  }
}

/** Source that is ready only after `resolve` or `reject`. */
class Later<T> implements Source<T> {
  readonly name = "later";
  reads = 0;
  #answer = Promise.withResolvers<T>();

  read(): Promise<T> {
    this.reads++;
    return this.#answer.promise;
  }

  resolve(value: T): void {
    const answer = this.#answer;
    this.#answer = Promise.withResolvers();
    answer.resolve(value);
  }

  reject(error: Error): void {
    const answer = this.#answer;
    this.#answer = Promise.withResolvers();
    answer.reject(error);
  }
}

Deno.test("R2 a new source is not ready, and is read only once until it is", async () => {
  const selector = new Selector<Later<string>>();
  const source = new Later<string>();
  selector.add(source);
  selector.add(source);
  const turns = selector[Symbol.asyncIterator]();
  let isReady = false;
  const turn = turns.next().then((result) => {
    isReady = true;
    return result;
  });
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals([isReady, source.reads, selector.size], [false, 1, 1]);
  source.resolve("a");
  const { value } = await turn;
  assertEquals(value?.map((each: { outcome: unknown }) => each.outcome), [
    { ok: true, value: "a" },
  ]);
  await turns.return?.(undefined);
});

Deno.test("R3 each ready source is reported exactly once", async () => {
  const selector = new Selector<Latch>();
  const latches = ["a", "b", "c"].map((name) => new Latch(name));
  for (const latch of latches) selector.add(latch);
  const turns = selector[Symbol.asyncIterator]();
  for (const latch of latches) latch.wake();
  const first = await turns.next();
  assertEquals(first.value?.map(({ source }: { source: Latch }) => source.name), ["a", "b", "c"]);
  latches[1]?.wake();
  const second = await turns.next();
  assertEquals(second.value?.map(({ source }: { source: Latch }) => source.name), ["b"]);
  await turns.return?.(undefined);
});

Deno.test("R3 a failed read is reported as an outcome, and the source is read again in the next turn", async () => {
  const selector = new Selector<Later<string>>();
  const source = new Later<string>();
  selector.add(source);
  const turns = selector[Symbol.asyncIterator]();
  const first = turns.next();
  await new Promise((resolve) => setTimeout(resolve, 0));
  source.reject(new RangeError("broken"));
  const { value } = await first;
  assert(value !== undefined && value[0]?.outcome.ok === false);
  const second = turns.next();
  await new Promise((resolve) => setTimeout(resolve, 0));
  source.resolve("mended");
  assertEquals((await second).value?.[0]?.outcome, { ok: true, value: "mended" });
  await turns.return?.(undefined);
});

Deno.test("R3 a late outcome of a removed source goes to its discard callback", async () => {
  const selector = new Selector<Later<string> | Latch>();
  const source = new Later<string>();
  const other = new Latch("other");
  const discarded: unknown[] = [];
  selector.add(source, (outcome) => discarded.push(outcome));
  selector.add(other);
  const turns = selector[Symbol.asyncIterator]();
  other.wake();
  await turns.next();
  selector.remove(source);
  source.resolve("late");
  other.wake();
  const { value } = await turns.next();
  assertEquals(value?.map(({ source: each }: { source: Source }) => each.name), ["other"]);
  assertEquals(discarded, [{ ok: true, value: "late" }]);
  await turns.return?.(undefined);
});

Deno.test("R3 sources that are always ready do not starve other sources and timers", async () => {
  const selector = new Selector<Endless | Latch>();
  const endless = [new Endless(), new Endless()];
  for (const source of endless) selector.add(source);
  const latch = new Latch("patient");
  selector.add(latch);
  let turnsUntilLatch = 0;
  let timerFired = false;
  const timer = setTimeout(() => {
    timerFired = true;
    latch.wake();
  }, 1);
  for await (const ready of selector) {
    turnsUntilLatch++;
    if (ready.some(({ source }) => source === latch)) break;
    if (turnsUntilLatch > 1_000_000) break;
  }
  clearTimeout(timer);
  assertEquals(timerFired, true, "a timer fires although input never ends");
  assert(turnsUntilLatch < 1_000_000);
  const [a, b] = endless.map(({ reads }) => reads);
  assert(Math.abs((a ?? 0) - (b ?? 0)) <= 1, "both were read in every turn");
});

Deno.test("R3 the heap does not grow in 1,000,000 turns with sources that stay pending", async () => {
  const module = (path: string): string => new URL(`../../${path}`, import.meta.url).href;
  const program = `
    import { Selector } from "${module("server/selector.ts")}";
    const selector = new Selector();
    let reads = 0;
    selector.add({ name: "busy", read: () => Promise.resolve(++reads) });
    const never = new Promise(() => {});
    for (let index = 0; index < 20; index++) selector.add({ name: "quiet", read: () => never });
    let turns = 0;
    let before = 0;
    for await (const ready of selector) {
      turns += ready.length;
      if (turns === 10_000) { gc(); before = Deno.memoryUsage().heapUsed; }
      if (turns === 1_010_000) break;
    }
    gc();
    console.log(JSON.stringify({ turns, grown: Deno.memoryUsage().heapUsed - before }));
  `;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--v8-flags=--expose-gc", program],
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  const { turns, grown } = JSON.parse(decoder.decode(stdout) || decoder.decode(stderr));
  assertEquals(turns, 1_010_000);
  assert(grown < 1024 * 1024, `the heap grew by ${grown} bytes`);
});
