import { assertEquals } from "@std/assert";
import type { StepResult } from "../../server/cooker.ts";
import { IdleWork } from "../../server/idle.ts";
import { Selector } from "../../server/selector.ts";
import { FakeClock } from "../../system/fake_clock.ts";
import { macrotask } from "../../system/macrotask.ts";

/** IdleWork driven by its own selector loop. */
class Rig implements AsyncDisposable {
  readonly clock = new FakeClock(0);
  readonly selector = new Selector<IdleWork["tick"] | IdleWork["again"]>();
  readonly work: IdleWork;
  ticks = 0;
  readonly #life = new AbortController();
  readonly #ended: Promise<void>;

  /** @param restsUntil gives the latest time of the next tick at rest */
  constructor(restsUntil?: () => number) {
    this.work = new IdleWork(this.clock, this.#life.signal, restsUntil);
    this.selector.add(this.work.tick);
    this.selector.add(this.work.again);
    this.#ended = this.#loop();
  }

  /** Registers a function that returns `results` in turn, then `false`. Gives its call times. */
  script(...results: StepResult[]): number[] {
    const calledAt: number[] = [];
    this.work.register("script", () => {
      calledAt.push(this.clock.monotonic());
      return results.shift() ?? false;
    }, () => {});
    return calledAt;
  }

  /** Runs some loop turns without advancing the clock. */
  async turns(count = 20): Promise<void> {
    for (let index = 0; index < count; index++) await macrotask();
  }

  /** Advances the clock in small steps, with loop turns between them. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 10) {
      await this.clock.advance(10);
      await this.turns(3);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.selector.stop();
    await this.#ended;
    this.#life.abort();
  }

  async #loop(): Promise<void> {
    for await (const ready of this.selector) {
      for (const { source } of ready) {
        this.work.runDue();
        if (source.kind === "tick") this.ticks++;
      }
    }
  }
}

Deno.test("R9 an idle function that returns false is called once and removed", async () => {
  await using rig = new Rig();
  const calls = rig.script(false);
  await rig.pass(500);
  assertEquals([calls.length, rig.work.size], [1, 0]);
});

Deno.test("R9 an idle function that returns true is called again without delay", async () => {
  await using rig = new Rig();
  const calls = rig.script(true, true, true, false);
  await rig.turns();
  assertEquals(calls, [0, 0, 0, 0]);
});

Deno.test("R9 an idle function that returns a number is called again after that many seconds", async () => {
  await using rig = new Rig();
  const calls = rig.script(0.25, 0.03, 0.03, 1, false);
  await rig.turns();
  await rig.pass(1500);
  assertEquals(calls, [0, 250, 280, 310, 1310]);
});

Deno.test("R9 an idle function that returns a promise is called when that has settled", async () => {
  await using rig = new Rig();
  const [a, b] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const calls = rig.script(a.promise, b.promise, false);
  await rig.pass(300);
  assertEquals(calls.length, 1);
  a.resolve();
  await rig.turns();
  assertEquals(calls.length, 2);
  await rig.pass(300);
  assertEquals(calls.length, 2, "time does not end the wait");
  b.reject(new Error("its next call finds out"));
  await rig.turns();
  assertEquals([calls.length, rig.work.size], [3, 0]);
});

Deno.test("R9 an idle function that was removed is not called when its promise settles", async () => {
  await using rig = new Rig();
  const { promise, resolve } = Promise.withResolvers<void>();
  let calls = 0;
  const own = rig.work.register("own", () => {
    calls++;
    return promise;
  }, () => {});
  await rig.turns();
  own[Symbol.dispose]();
  resolve();
  await rig.pass(300);
  assertEquals(calls, 1);
});

Deno.test("R9 an idle function that throws is removed and reported to its owner, and other functions continue", async () => {
  await using rig = new Rig();
  const errors: unknown[] = [];
  const error = new RangeError("broken");
  rig.work.register("broken", () => {
    throw error;
  }, (each) => errors.push(each));
  const calls = rig.script(0.1, 0.1, false);
  await rig.pass(300);
  assertEquals([errors, calls.length, rig.work.size], [[error], 3, 0]);
});

Deno.test("R9 an idle function can remove itself and others while it runs", async () => {
  await using rig = new Rig();
  let others = 0;
  const own: Disposable = rig.work.register("own", () => {
    own[Symbol.dispose]();
    other[Symbol.dispose]();
    return true;
  }, () => {});
  const other = rig.work.register("other", () => {
    others++;
    return true;
  }, () => {});
  await rig.turns();
  assertEquals([others, rig.work.size], [0, 0]);
});

Deno.test("R2 the idle tick fires every 100 ms, with one pending sleep", async () => {
  await using rig = new Rig();
  await rig.turns();
  assertEquals(rig.clock.sleeping, 1);
  await rig.pass(1000);
  assertEquals([rig.ticks, rig.clock.sleeping], [10, 1]);
});

Deno.test("R2 the idle tick fires once a second at rest, and every 100 ms when work is due", async () => {
  let until = Infinity;
  await using rig = new Rig(() => until);
  await rig.pass(3100);
  assertEquals([rig.ticks, rig.clock.sleeping], [4, 1]);
  until = 3400;
  await rig.pass(1000);
  assertEquals(rig.ticks, 5);
  await rig.pass(100);
  assertEquals(rig.ticks, 6);
});

Deno.test("R2 rouse ends the rest: the next tick fires after 100 ms, and a second rouse does not delay it", async () => {
  await using rig = new Rig(() => Infinity);
  await rig.pass(200);
  rig.work.tick.wake();
  await rig.pass(50);
  rig.work.tick.wake();
  assertEquals(rig.ticks, 1);
  await rig.pass(50);
  assertEquals([rig.ticks, rig.clock.sleeping], [2, 1]);
});

Deno.test("R9 an idle function that is due before the next tick is called in time", async () => {
  await using rig = new Rig();
  await rig.pass(10);
  const calls = rig.script(0.05, false);
  await rig.turns();
  await rig.pass(50);
  assertEquals(calls, [10, 60]);
});
